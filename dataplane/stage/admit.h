// Limits: which requests are answered while somebody sends too many. Three accounts, by what a
// request proves:
//
// - session: requests with NTS that are genuine are charged to their session, not to their address.
//   So nobody can use up another client's limit by forging its address, and a request that is
//   replayed from a million addresses is one session.
// - nak: requests with NTS that are not genuine share a budget, which bounds all NAKs. A source
//   above its limit is charged to the plain account and gets one in ADMIT_NAK_LEAK of its NAKs, so
//   that a client with lost cookies behind its address learns of it. All such sources together get
//   up to one in ADMIT_NAK_LEAK of the budget, so that they do not use it up.
// - plain: requests without NTS prove nothing: they are charged to their source, host and network
//   (dataplane/table/limiter.h). Of those above the limit a share is answered all the same (the
//   leak), because an attacker may forge a client's address to have it refused.
//
// The stage has two halves: admit before anything is composed, admit_proven behind the exchange,
// which alone tells whose session it is. A session above its limit has its cookie noted as hot, and
// a hot cookie is refused by the first half, before any crypto.
//
// Where a port has more frames than its core answers, the ladder of overload.h leaves out plain
// requests and NAKs, whatever their source is.
//
// With dry_run nothing is refused: the counters say what would be, exactly. A struct admit belongs
// to one thread, and may serve several cores of it.
#pragma once

#include "board/limited.h"
#include "crypto/exchange.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/exchange.h"
#include "dataplane/stage/overload.h"
#include "dataplane/table/limiter.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ADMIT_PLAIN_LINES_LOG2 = 13,   // 512 KiB
    ADMIT_SESSION_LINES_LOG2 = 12, // 256 KiB
    ADMIT_HOT = 1024,              // cookies
    ADMIT_HOT_STEPS = 2 * LIMITER_STEPS,
    ADMIT_NAK_LEAK = 16,
    ADMIT_KISSES_A_SECOND = 1000,
    ADMIT_CAPACITY = 1000000, // replies a second of a core, of which NAKs have a share
    ADMIT_LEAK_ONE = 65536,   // the leak of which all are answered
    ADMIT_SECRETS_LAST_S = 3600,
};

// What may come steadily and at once. per_second 0: no limit.
struct admit_rate {
    uint32_t per_second; // up to 100,000
    uint32_t burst;      // 1 to LIMITER_BURST_MAX
};

// The operator's settings; a part of the policy. All zero: no limits.
struct admit_settings {
    bool on; // there is a limit
    bool dry_run;
    bool kod;                // some refused plain requests get a RATE kiss
    uint32_t leak;           // of refused plain requests, in 1/ADMIT_LEAK_ONE
    struct admit_rate plain; // of a host
    struct admit_rate session;
    bool limits_naks;
    bool overload; // the ladder of overload.h
    uint32_t naks_per_second;
};

// A cookie that is refused before any crypto, by its nonce.
struct admit_hot {
    uint32_t nonce;
    uint32_t until; // step of the session's pace; it may wrap
};

// The tables: the caller's memory, zeros, not touched before there are limits.
struct admit_tables {
    struct limiter_line plain[1 << ADMIT_PLAIN_LINES_LOG2];
    struct limiter_line session[1 << ADMIT_SESSION_LINES_LOG2];
    struct admit_hot hot[ADMIT_HOT];
};

// A limit's time, and the price of a packet.
struct admit_pace {
    struct admit_rate rate; // for which the others are right
    uint64_t tsc_hz;        // likewise
    uint64_t each;          // ticks of a step
    uint64_t since;         // TSC at which the present step began
    uint32_t step;          // it may wrap
    struct limiter_price price;
};

// How many may go: a bucket that fills with time, kept as the time at which it was empty.
struct admit_budget {
    uint64_t empty; // TSC
};

struct admit {
    struct limiter plain;
    struct limiter session;
    struct admit_hot *hot;
    struct admit_pace plain_pace;
    struct admit_pace session_pace;
    struct admit_budget kisses;
    struct admit_budget naks;
    struct admit_budget nak_leak; // the part of naks for sources above their limit
    uint32_t last_hot;            // until then some cookie is hot
    bool ready;                   // there are secrets
    uint64_t keyed;               // TSC: since when
    struct exchange_sessions sessions;
    struct overload pressure;
    enum overload_rung rung;
    lane_set spared;                 // of this turn: a dry run has judged them already
    struct limited_sources *limited; // who is refused; NULL: nobody wants to know
};

// Without secrets yet: nothing is limited before the first call of admit with a seeded generator.
void admit_open(struct admit *admit, struct admit_tables *zeros, struct limited_sources *limited);

// What the stage needs to know of a turn.
struct admit_turn {
    const struct admit_settings *settings;
    struct core_counters *counters;
    uint64_t tsc;
    uint64_t tsc_hz; // not 0
    uint32_t full;   // polls in a row that have not drained the port
};

// Ends the lanes that are above a limit, as far as that is known before the exchange. Lanes that
// are to get a kiss are in batch->kissed, and stay in kinds.plain.
struct kinds admit(struct admit *admit, const struct admit_turn *turn, struct batch *batch,
                   struct kinds kinds, struct rng *rng);

// Where the exchange is to name sessions; NULL: nowhere, they have no limit.
struct exchange_sessions *admit_sessions(struct admit *admit,
                                         const struct admit_settings *settings);

// Charges a part's lanes once the exchange has told who they are: returns the proof without the
// lanes that end here. Wipes what the exchange said of sessions.
struct proof admit_proven(struct admit *admit, const struct admit_turn *turn, struct batch *batch,
                          struct proof proof);
