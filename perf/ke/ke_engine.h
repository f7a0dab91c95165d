// Many concurrent key exchanges in one thread: a pool of sessions over epoll, one deadline for
// each. An engine belongs to the thread that uses it. The user begins sessions; the engine reports
// their ends. The first engine makes the process ignore SIGPIPE.
#pragma once

#include "perf/ke/ke_outcome.h"

#include <stdint.h>

struct ke_engine;

// Called once for each session that was begun, from ke_engine_begin or ke_engine_turn; it must call
// neither. Not called for sessions that ke_engine_close ends. grant is NULL unless the outcome is
// KE_OUTCOME_GRANTED; *grant is wiped after the call.
struct ke_listener {
    void (*done)(void *context, const struct ke_report *report, const struct ke_grant *grant);
    void *context;
};

// Opens an engine for at most max_open concurrent sessions, slow ones included. The target, and all
// that it points to, must live longer. 0, or -errno with one line in why.
int ke_engine_open(const struct ke_target *target, uint32_t max_open, struct ke_listener listener,
                   struct ke_engine **engine, char why[256]);

// Begins a session that was due at scheduled_ns (CLOCK_MONOTONIC). False, without effect, when
// max_open are open.
bool ke_engine_begin(struct ke_engine *engine, enum ke_kind kind, uint64_t tag,
                     uint64_t scheduled_ns);

// Waits for events, at most timeout_ns, and handles them.
void ke_engine_turn(struct ke_engine *engine, uint64_t timeout_ns);

uint32_t ke_engine_max_open(const struct ke_engine *engine);

// The number of sessions whose end has not been reported.
uint32_t ke_engine_open_now(const struct ke_engine *engine);

// The time for which the engine has waited for events since it was opened.
uint64_t ke_engine_idle_ns(const struct ke_engine *engine);

// Ends and wipes all open sessions, without a report. Accepts NULL.
void ke_engine_close(struct ke_engine *engine);
