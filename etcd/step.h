// What a node does with the fleet's document in etcd: which value it takes, when it appends the
// next span, and what it appends. Pure, but for random octets; any thread.
//
// Any node may append; nobody is elected. Two that append at once compare the key's revision, and
// one of them loses and reads again. A node waits until it has seen the document unchanged for some
// time by its monotonic clock, and its own clock must be synchronised: the clock says how much
// future is left.
#pragma once

#include "fleet/document.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STEP_POLL_MS = 2000,   // between two reads, at least
    STEP_JITTER_MS = 500,  // and as much more at random, so that nodes do not read all at once
    STEP_APPEND_MOST = 16, // spans that are appended at once, at most
    // Older spans leave the document at an append: their secrets open no cookie any more, and need
    // not lie on every node. The number, and not a clock alone, decides: a clock that is wrong must
    // not remove what others still use.
    STEP_SPANS_KEPT = 24,
};

// How a document from etcd stands to the one that this node has.
enum step_verdict {
    STEP_SAME,
    STEP_NEW,   // a higher serial number, or this node has none
    STEP_OLDER, // a lower serial number: a backup, or a member that is behind
    STEP_OTHER, // the same serial number, but something else behind it
    STEP_VERDICTS,
};

// present may be NULL: this node has none.
enum step_verdict step_judge(const struct fleet_document *present,
                             const struct fleet_document *offered);

struct step_facts {
    uint64_t now_ns;       // monotonic
    uint64_t read_due_ns;  // when the next read is due, monotonic
    int64_t utc_s;         // CLOCK_REALTIME
    bool synchronised;     // control says so
    bool held;             // the last read gave a document that this node has taken
    uint64_t unchanged_ns; // since when each read gave that one, monotonic
    int64_t until_s;       // the end of its last span
    uint32_t lead_s;       // keys.fleet.lead
    uint32_t settle_s;     // keys.fleet.settle
};

enum step { STEP_WAIT, STEP_READ, STEP_APPEND };

enum step step_next(const struct step_facts *facts);

// Fills in next: present with spans behind it until less than lead_s is no longer the case (or
// STEP_APPEND_MOST), each as long as the last one, with fresh secrets; with the next serial number;
// without spans that ended long before utc_s, as far as there are more than STEP_SPANS_KEPT. False
// with *why for people: it has no room, or there are no random octets.
bool step_append(const struct fleet_document *present, int64_t utc_s, uint32_t lead_s,
                 struct fleet_document *next, const char **why);
