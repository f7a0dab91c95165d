// The common part of the benches: the machine, the rows of samples, and the output.
// A row is one figure: core cycles per request (or packet) of one variant in one case. All rows are
// sampled in turn, in each round, so that other tasks on a shared machine disturb all of them
// equally. So the ratios between the rows of one run are reliable even when the figures are not.
// Core cycles are TSC ticks times the measured ratio of the two clocks, because most shared
// machines offer no performance counters. One thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    BENCH_ROWS_MAX = 160,
    BENCH_PARTS_MAX = 12,
};

struct bench_row {
    const char *variant;
    const char *name; // "case" in the output
    unsigned cookies; // 0: not part of the case
    unsigned batch;
    // Does the work once, for `batch` requests; called with `with`.
    void (*work)(void *with);
    void *with;
    const struct bench_row
        *floor; // the shortest time that the AES instructions of this variant can take

    // NULL, or a function that prepares a sample and is not timed; called with `with`.
    void (*prepare)(void *with);

    // NULL, or the names of the parts of the work, ended by NULL, and a function that does the work
    // again and adds the ticks of each part, including one reading of the clock. The readings cost
    // time, so they are not made while the whole is timed.
    const char *const *part;
    void (*by_parts)(void *with, uint64_t ticks[BENCH_PARTS_MAX]);

    unsigned repeat;                 // repetitions of the work per sample
    uint64_t *sample;                // ticks of `repeat` repetitions
    uint64_t parts[BENCH_PARTS_MAX]; // likewise, by parts, in the sample with the smallest sum
    uint64_t parts_sum;
};

struct bench {
    const char *name; // of the program
    bool json;
    unsigned rounds;     // samples per row
    const char *only;    // measures only variants whose names contain this; NULL: all
    double core_per_tsc; // measured
    double tsc_hz;       // measured
    uint64_t reading;    // ticks between two readings of the clock, measured
    unsigned n_rows;
    struct bench_row row[BENCH_ROWS_MAX];
};

// Parses the command line (--json, --rounds N, --only NAME, --help). about: the description for
// --help. Ends the process after --help and after a wrong option.
void bench_open(struct bench *bench, int argc, char **argv, const char *about);

// Whether this variant is to be measured.
bool bench_wants(const struct bench *bench, const char *variant);

// Adds a row; the caller keeps all that it points to.
struct bench_row *bench_add(struct bench *bench, struct bench_row row);

// Samples all rows, prints them to stdout, and frees the samples. Returns the exit status.
int bench_run(struct bench *bench);
