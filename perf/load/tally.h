// Counts the outcomes of requests. Every request that was sent ends in exactly one of answered,
// nak, a kiss code, wrong, late or lost; every reply is counted once. The table names each counter
// for JSON and for people. Pure; a struct tally belongs to one thread.
#pragma once

#include "perf/load/histogram.h"

#include <stdbool.h>
#include <stdint.h>

enum tally_item {
    TALLY_SENT,
    TALLY_ANSWERED,    // with a time that passes all cheap checks
    TALLY_VERIFIED,    // of those: with a verified authenticator
    TALLY_INTERLEAVED, // of those: in interleaved mode (RFC 9769)
    TALLY_LATE,        // answered after the deadline
    TALLY_LOST,        // never answered
    TALLY_NAK,         // RFC 8915, section 5.7

    // Other kiss codes, RFC 5905, section 7.4.
    TALLY_KISS_RATE,
    TALLY_KISS_DENY,
    TALLY_KISS_RSTR,
    TALLY_KISS_OTHER,

    // Wrong replies, in the order of the checks; the first check that fails is counted.
    TALLY_WRONG_LENGTH,
    TALLY_WRONG_ORIGIN,
    TALLY_WRONG_DUPLICATE,
    TALLY_WRONG_MISDIRECTED,
    TALLY_WRONG_HEADER,
    TALLY_WRONG_TIME,
    TALLY_WRONG_TRUNCATED,
    TALLY_WRONG_FIELDS,
    TALLY_WRONG_IDENTIFIER,
    TALLY_WRONG_UNAUTHENTICATED,
    TALLY_WRONG_TAG,
    TALLY_WRONG_COOKIES,
    TALLY_WRONG_FORGERY,

    // Requests that were due and not sent.
    TALLY_UNSENT_BEHIND,
    TALLY_UNSENT_COOKIE,
    TALLY_UNSENT_PATH,
    TALLY_UNSENT_OPEN,

    TALLY_OPEN,    // open when the run was stopped
    TALLY_COOKIES, // received and stored
    TALLY_ITEMS,
};

enum tally_group { TALLY_OF_REQUESTS, TALLY_OF_KISSES, TALLY_OF_WRONG, TALLY_OF_UNSENT };

struct tally_row {
    const char *name;
    const char *text; // for people
    enum tally_group group;
};

extern const struct tally_row tally_rows[TALLY_ITEMS];

// A distribution of spans that can be negative: one histogram for each sign, mean and squares.
struct spread {
    struct histogram above; // values from 0 on
    struct histogram below; // absolute values of negative ones
    double mean;
    double squares; // sum of squared distances from the mean
};

struct tally {
    uint64_t count[TALLY_ITEMS];
    struct histogram
        latency; // ns from the time at which a request was due to the arrival of its reply
    struct histogram
        processing;       // ns that the server took by its own timestamps: transmit - receive
    struct spread offset; // ns: the server's clock minus the tester's
};

void tally_init(struct tally *tally);
void tally_merge(struct tally *into, const struct tally *from);

// The sum of a group's counters.
uint64_t tally_sum(const struct tally *tally, enum tally_group group);

// The share of lost and late requests among those sent. 0 when none was sent.
double tally_loss(const struct tally *tally);

void spread_init(struct spread *spread);
void spread_add(struct spread *spread, int64_t ns);
uint64_t spread_n(const struct spread *spread);
double spread_deviation(const struct spread *spread);
int64_t spread_quantile(const struct spread *spread, double share);

// The smallest and the largest value, exact; 0 while empty.
int64_t spread_min(const struct spread *spread);
int64_t spread_max(const struct spread *spread);
