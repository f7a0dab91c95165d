// Samples the rows in turn, and shows the results. One thread.
#include "perf/bench/bench.h"

#include "base/tsc.h"
#include "perf/bench/machine.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 400,
    ROUNDS_MAX = 100000,
    SAMPLE_TICKS = 200000, // a sample repeats the work until it takes about this long
    REPEAT_MAX = 10000,
    READINGS = 1000,
};

static void usage(FILE *to, const char *name, const char *about)
{
    fprintf(
        to,
        "usage: %s [--json] [--rounds N] [--only NAME]\n\n"
        "%s\n\n"
        "  --json       one JSON object instead of a table\n"
        "  --rounds N   samples of each row, 1 to %d (%d)\n"
        "  --only NAME  variants whose name contains NAME\n"
        "  --help       this text\n\n"
        "Figures are core cycles: ticks of the TSC times the measured ratio of the two clocks.\n",
        name, about, ROUNDS_MAX, ROUNDS);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// The time between two consecutive readings of the clock.
static uint64_t measure_reading(void)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < READINGS; i++) {
        uint64_t from = tsc_now();
        uint64_t ticks = tsc_now() - from;
        if (ticks < least)
            least = ticks;
    }
    return least;
}

void bench_open(struct bench *bench, int argc, char **argv, const char *about)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"rounds", required_argument, NULL, 'r'},
        {"only", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    *bench = (struct bench){.name = last_part(argv[0]), .rounds = ROUNDS};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        char *end = NULL;
        if (c == 'j') {
            bench->json = true;
        } else if (c == 'o') {
            bench->only = optarg;
        } else if (c == 'r') {
            unsigned long n = strtoul(optarg, &end, 10);
            if (*end != '\0' || n < 1 || n > ROUNDS_MAX) {
                fprintf(stderr, "%s: --rounds is a number from 1 to %d, not '%s'\n", bench->name,
                        ROUNDS_MAX, optarg);
                exit(2);
            }
            bench->rounds = (unsigned)n;
        } else {
            usage(c == 'h' ? stdout : stderr, bench->name, about);
            exit(c == 'h' ? 0 : 2);
        }
    }
    if (optind < argc) {
        usage(stderr, bench->name, about);
        exit(2);
    }
    machine_clocks(&bench->tsc_hz, &bench->core_per_tsc);
    bench->reading = measure_reading();
}

bool bench_wants(const struct bench *bench, const char *variant)
{
    return bench->only == NULL || strstr(variant, bench->only) != NULL;
}

static void *samples(unsigned n)
{
    void *at = calloc(n, sizeof(uint64_t));
    if (!at) {
        perror("samples");
        exit(1);
    }
    return at;
}

struct bench_row *bench_add(struct bench *bench, struct bench_row row)
{
    if (bench->n_rows == BENCH_ROWS_MAX) {
        fprintf(stderr, "%s: more than %d rows\n", bench->name, BENCH_ROWS_MAX);
        exit(1);
    }
    row.sample = samples(bench->rounds);
    row.repeat = 1;
    row.parts_sum = UINT64_MAX;
    bench->row[bench->n_rows] = row;
    return &bench->row[bench->n_rows++];
}

static uint64_t sample(const struct bench_row *row)
{
    if (row->prepare != NULL)
        row->prepare(row->with);
    row->work(row->with); // warms caches and branch predictors
    uint64_t from = tsc_now();
    for (unsigned i = 0; i < row->repeat; i++)
        row->work(row->with);
    return tsc_now() - from;
}

// How often a sample must repeat the work, so that the cost of reading the clock is negligible.
static void fit(struct bench_row *row)
{
    uint64_t ticks = sample(row);
    for (unsigned i = 0; i < 3;
         i++) { // the fastest of three, because one may have been interrupted
        uint64_t again = sample(row);
        if (again < ticks)
            ticks = again;
    }
    unsigned long repeat = SAMPLE_TICKS / (ticks + 1) + 1;
    row->repeat = repeat < REPEAT_MAX ? (unsigned)repeat : REPEAT_MAX;
}

// Samples the same work by its parts.
static void sample_parts(struct bench_row *row)
{
    uint64_t ticks[BENCH_PARTS_MAX] = {0};
    for (unsigned i = 0; i < row->repeat; i++)
        row->by_parts(row->with, ticks);
    uint64_t sum = 0;
    for (unsigned i = 0; i < BENCH_PARTS_MAX; i++)
        sum += ticks[i];
    if (sum < row->parts_sum) {
        row->parts_sum = sum;
        memcpy(row->parts, ticks, sizeof ticks);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Converts the ticks of a sample to core cycles per request.
static double cycles_of(const struct bench *bench, const struct bench_row *row, uint64_t ticks)
{
    return (double)ticks * bench->core_per_tsc / row->repeat / row->batch;
}

// Core cycles per request of the sample at that place of the sorted samples.
static double cycles(const struct bench *bench, const struct bench_row *row, unsigned at)
{
    return cycles_of(bench, row, row->sample[at]);
}

// Core cycles per request of a part, in the sample with the smallest sum of parts.
static double cycles_of_part(const struct bench *bench, const struct bench_row *row, unsigned part)
{
    uint64_t readings = bench->reading * row->repeat;
    uint64_t ticks = row->parts[part];
    return cycles_of(bench, row, ticks > readings ? ticks - readings : 0);
}

// The best sample of the whole minus the sum of all parts.
static double cycles_of_rest(const struct bench *bench, const struct bench_row *row)
{
    double rest = cycles(bench, row, 0);
    for (unsigned i = 0; row->part[i] != NULL; i++)
        rest -= cycles_of_part(bench, row, i);
    return rest;
}

struct summary {
    double min, median, max, per_second;
};

static struct summary summary_of(const struct bench *bench, const struct bench_row *row)
{
    struct summary s = {
        .min = cycles(bench, row, 0),
        .median = cycles(bench, row, bench->rounds / 2),
        .max = cycles(bench, row, bench->rounds - 1),
    };
    s.per_second = bench->tsc_hz * bench->core_per_tsc / s.median;
    return s;
}

// The parts of the rows that have parts.
static void show_parts(const struct bench *bench)
{
    const char *const *part = NULL;
    for (unsigned i = 0; i < bench->n_rows; i++) {
        const struct bench_row *row = &bench->row[i];
        if (row->part == NULL)
            continue;
        if (row->part != part) {
            part = row->part;
            printf("\n%-12s %-10s", "by stage", "");
            for (unsigned p = 0; part[p] != NULL; p++)
                printf(" %10s", part[p]);
            printf(" %10s\n", "rest");
        }
        printf("%-12s %-10s", row->variant, row->name);
        for (unsigned p = 0; part[p] != NULL; p++)
            printf(" %10.1f", cycles_of_part(bench, row, p));
        printf(" %10.1f\n", cycles_of_rest(bench, row));
    }
}

static void show_text(const struct bench *bench)
{
    printf("%s: core cycles a request; %u samples a row; TSC %.3f GHz, core %.3f GHz\n\n",
           bench->name, bench->rounds, bench->tsc_hz / 1e9,
           bench->tsc_hz * bench->core_per_tsc / 1e9);
    printf("%-12s %-10s %7s %5s %10s %10s %10s %8s %12s\n", "variant", "case", "cookies", "batch",
           "min", "median", "max", "x floor", "a second");
    for (unsigned i = 0; i < bench->n_rows; i++) {
        const struct bench_row *row = &bench->row[i];
        struct summary s = summary_of(bench, row);
        printf("%-12s %-10s %7u %5u %10.1f %10.1f %10.1f ", row->variant, row->name, row->cookies,
               row->batch, s.min, s.median, s.max);
        if (row->floor)
            printf("%8.2f", s.min / summary_of(bench, row->floor).min);
        else
            printf("%8s", "");
        printf(" %12.0f\n", s.per_second);
    }
    show_parts(bench);
}

static json_t *parts_json(const struct bench *bench, const struct bench_row *row)
{
    json_t *parts = json_object();
    for (unsigned p = 0; row->part[p] != NULL; p++)
        json_object_set_new(parts, row->part[p], json_real(cycles_of_part(bench, row, p)));
    json_object_set_new(parts, "rest", json_real(cycles_of_rest(bench, row)));
    return parts;
}

static json_t *row_json(const struct bench *bench, const struct bench_row *row)
{
    struct summary s = summary_of(bench, row);
    json_t *floor = row->floor ? json_real(summary_of(bench, row->floor).min) : json_null();
    json_t *parts = row->part ? parts_json(bench, row) : NULL;
    return json_pack("{s:s, s:s, s:i, s:i, s:{s:f, s:f, s:f}, s:o, s:f, s:o*}", "variant",
                     row->variant, "case", row->name, "cookies", row->cookies, "batch", row->batch,
                     "cycles", "min", s.min, "median", s.median, "max", s.max, "floor_cycles",
                     floor, "per_second", s.per_second, "stages", parts);
}

static void show_json(const struct bench *bench)
{
    json_t *results = json_array();
    for (unsigned i = 0; i < bench->n_rows; i++)
        json_array_append_new(results, row_json(bench, &bench->row[i]));
    json_t *all =
        json_pack("{s:s, s:i, s:o, s:o}", "bench", bench->name, "samples", bench->rounds, "machine",
                  machine_json(bench->tsc_hz, bench->core_per_tsc), "results", results);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
}

int bench_run(struct bench *bench)
{
    for (unsigned i = 0; i < bench->n_rows; i++)
        fit(&bench->row[i]);
    for (unsigned round = 0; round < bench->rounds; round++) {
        for (unsigned i = 0; i < bench->n_rows; i++) {
            bench->row[i].sample[round] = sample(&bench->row[i]);
            if (bench->row[i].by_parts != NULL)
                sample_parts(&bench->row[i]);
        }
    }
    for (unsigned i = 0; i < bench->n_rows; i++)
        qsort(bench->row[i].sample, bench->rounds, sizeof(uint64_t), by_size);
    if (bench->json)
        show_json(bench);
    else
        show_text(bench);
    for (unsigned i = 0; i < bench->n_rows; i++)
        free(bench->row[i].sample);
    return fflush(stdout) == 0 ? 0 : 1;
}
