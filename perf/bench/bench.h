// What the benches share: the machine that they run on, rows of samples, and how both are shown.
//
// A row is one figure: core cycles a request (or packet) of one variant in one case. All rows are
// sampled in turn, round after round, so that whoever else is busy on a shared machine spoils all
// of them alike: ratios between rows of one run hold where the figures themselves do not.
//
// Core cycles are TSC ticks times the ratio of the two clocks, which is measured, because most
// shared machines have no counters to read. One thread.
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
    unsigned cookies; // 0: has none
    unsigned batch;
    // Does the work of a sample once; called with `with`, for `batch` requests.
    void (*work)(void *with);
    void *with;
    const struct bench_row *floor; // the least that the AES instructions of this variant can take

    // NULL, or what makes ready for a sample and is not timed; called with `with`.
    void (*prepare)(void *with);

    // NULL, or the names of the parts of the work, which end with NULL, and what does the work once
    // more and adds the ticks of each part, with those of one reading of the clock. The readings
    // cost time: that is why they are not made while the whole is timed.
    const char *const *part;
    void (*by_parts)(void *with, uint64_t ticks[BENCH_PARTS_MAX]);

    unsigned repeat;                 // works a sample
    uint64_t *sample;                // ticks of `repeat` works
    uint64_t parts[BENCH_PARTS_MAX]; // likewise, by parts, in the sample with the least of all
    uint64_t parts_sum;
};

struct bench {
    const char *name; // of the program
    bool json;
    unsigned rounds;     // samples a row
    const char *only;    // variants' names that are wanted contain this; NULL: all
    double core_per_tsc; // measured
    double tsc_hz;       // measured
    uint64_t reading;    // ticks between two readings of the clock, measured
    unsigned n_rows;
    struct bench_row row[BENCH_ROWS_MAX];
};

// Reads the command line (--json, --rounds N, --only NAME, --help). about: what the bench does, for
// --help. Ends the process on --help and on what it does not understand.
void bench_open(struct bench *bench, int argc, char **argv, const char *about);

// Is this variant wanted?
bool bench_wants(const struct bench *bench, const char *variant);

// Adds a row; all that it points at stays the caller's.
struct bench_row *bench_add(struct bench *bench, struct bench_row row);

// Samples all rows, shows them on the standard output, and frees the samples. The exit status.
int bench_run(struct bench *bench);
