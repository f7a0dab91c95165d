// The kinds of traffic that make up a load, as a table, and one flow of such a kind.
// A struct flow belongs to the thread of its load.
#pragma once

#include "perf/load/tally.h"

#include <stdbool.h>

enum flow_kind {
    FLOW_NTS,
    FLOW_PLAIN,
    FLOW_VICTIM,      // NTS (or plain, where there are no cookies) whose loss is the result
    FLOW_BAD_TAG,     // a genuine cookie, a tag with a bit flipped
    FLOW_UNKNOWN_KEY, // a cookie with the id of a key that does not exist
    FLOW_GARBAGE,     // malformed fields
    FLOW_REPLAY,      // one genuine request, repeated
    FLOW_ELEPHANT,    // plain requests of ten clients that ask far too often
    FLOW_FLOOD,       // plain requests whose replies do not matter
    FLOW_KINDS,
};

enum { FLOWS_MAX = 16 }; // limited by the bits in a slot

// The expected reply. A request counts as lost only if a reply is expected.
enum flow_hope { HOPE_TIME, HOPE_NAK, HOPE_NOTHING };

struct flow_row {
    const char *name; // in results and, with "--" before it, on the command line
    const char *text;
    bool honest; // like a well-behaved client's: its losses count
    bool nts;    // carries a cookie and an authenticator
    enum flow_hope hope;
};

extern const struct flow_row flow_rows[FLOW_KINDS];

static inline bool flow_hopes(enum flow_kind kind)
{
    return flow_rows[kind].hope != HOPE_NOTHING;
}

struct flow {
    enum flow_kind kind;
    bool nts;      // false for a victim without cookies
    double weight; // share of all requests; only ratios matter
    double credit; // for the choice of the next flow
    struct tally tally;
};

// Chooses the next flow so that the shares hold in any period. n is 1 or more.
unsigned flow_pick(struct flow *flow, unsigned n);
