// What became of requests, counted. Every request that was sent ends in exactly one of answered,
// nak, a kiss, wrong, late or lost; every reply is counted once. The table names each counter for
// JSON and for people. Pure; a struct tally belongs to one thread, or is handed over whole.
#pragma once

#include "perf/load/histogram.h"

#include <stdbool.h>
#include <stdint.h>

enum tally_item {
    TALLY_SENT,
    TALLY_ANSWERED,    // a time that passes every cheap check
    TALLY_VERIFIED,    // of those: whose authenticator was found right
    TALLY_INTERLEAVED, // of those: in interleaved mode (RFC 9769)
    TALLY_LATE,        // answered after the deadline
    TALLY_LOST,        // never answered
    TALLY_NAK,         // RFC 8915, section 5.7

    // Other kiss codes, RFC 5905, section 7.4.
    TALLY_KISS_RATE,
    TALLY_KISS_DENY,
    TALLY_KISS_RSTR,
    TALLY_KISS_OTHER,

    // Wrong replies, in the order of the checks: the first one that fails gives its name.
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

    // Requests that were due and never left.
    TALLY_UNSENT_BEHIND,
    TALLY_UNSENT_COOKIE,
    TALLY_UNSENT_PATH,
    TALLY_UNSENT_OPEN,

    TALLY_OPEN,    // on their way when the run was stopped
    TALLY_COOKIES, // received and kept
    TALLY_ITEMS,
};

enum tally_group { TALLY_OF_REQUESTS, TALLY_OF_KISSES, TALLY_OF_WRONG, TALLY_OF_UNSENT };

struct tally_row {
    const char *name;
    const char *text; // for people
    enum tally_group group;
};

extern const struct tally_row tally_rows[TALLY_ITEMS];

// Spans that may be negative: two histograms by sign, and the moments.
struct spread {
    struct histogram above; // 0 and more
    struct histogram below; // of the absolute value
    double mean;
    double squares; // sum of squared distances from the mean
};

struct tally {
    uint64_t count[TALLY_ITEMS];
    struct histogram latency;    // ns from when a request was due to its reply's arrival
    struct histogram processing; // ns that the server says it took: transmit - receive
    struct spread offset;        // ns of the server's clock against ours
};

void tally_init(struct tally *tally);
void tally_merge(struct tally *into, const struct tally *from);

// The sum of a group's counters.
uint64_t tally_sum(const struct tally *tally, enum tally_group group);

// Share of the requests sent that no reply came to in time: lost and late. 0 when none was sent.
double tally_loss(const struct tally *tally);

void spread_init(struct spread *spread);
void spread_add(struct spread *spread, int64_t ns);
uint64_t spread_n(const struct spread *spread);
double spread_deviation(const struct spread *spread);
int64_t spread_quantile(const struct spread *spread, double share);

// The ends, exact; 0 while there is nothing.
int64_t spread_min(const struct spread *spread);
int64_t spread_max(const struct spread *spread);
