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
    FLOW_UNKNOWN_KEY, // a cookie that names a key nobody has
    FLOW_GARBAGE,     // fields that cannot be
    FLOW_REPLAY,      // one genuine request again and again
    FLOW_FLOOD,       // plain requests whose replies do not matter
    FLOW_KINDS,
};

enum { FLOWS_MAX = 16 }; // a slot's bits

// What is awaited of a reply. Only where one is hoped for can it be lost.
enum flow_hope { HOPE_TIME, HOPE_NAK, HOPE_NOTHING };

struct flow_row {
    const char *name; // in results and, with "--" before it, on the command line
    const char *text;
    bool honest; // what a well-behaved client sends: its losses count
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
    bool nts;      // a victim may be either
    double weight; // share of all requests, in any unit
    double credit; // of the choice between flows
    struct tally tally;
};

// Which flow is next, so that the shares hold over any stretch of time. n is 1 or more.
unsigned flow_pick(struct flow *flow, unsigned n);
