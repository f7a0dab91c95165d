// Many key exchanges at once in one thread: a pool of sessions over epoll, one deadline for each.
//
// An engine belongs to the thread that uses it. Sessions are begun and their ends are told; that
// is all. SIGPIPE is ignored in the process from the first engine on.
#pragma once

#include "perf/ke/ke_outcome.h"

#include <stdint.h>

struct ke_engine;

// Told once for each session that was begun, from within ke_engine_begin or ke_engine_turn; it
// calls neither. Sessions that ke_engine_close cuts are not told of. grant is NULL unless the
// outcome is KE_OUTCOME_GRANTED; what it points to is wiped afterwards.
struct ke_listener {
    void (*done)(void *context, const struct ke_report *report, const struct ke_grant *grant);
    void *context;
};

// Opens an engine of at most max_open sessions at once, slow ones included. The target (and what
// it points to) outlives it. 0 or -errno with one line in why.
int ke_engine_open(const struct ke_target *target, uint32_t max_open, struct ke_listener listener,
                   struct ke_engine **engine, char why[256]);

// Begins a session that was due at scheduled_ns (CLOCK_MONOTONIC). False when max_open are open:
// nothing has happened then.
bool ke_engine_begin(struct ke_engine *engine, enum ke_kind kind, uint64_t tag,
                     uint64_t scheduled_ns);

// Moves what can move, after waiting for it at most timeout_ns.
void ke_engine_turn(struct ke_engine *engine, uint64_t timeout_ns);

uint32_t ke_engine_max_open(const struct ke_engine *engine);

// Sessions whose end has not been told.
uint32_t ke_engine_open_now(const struct ke_engine *engine);

// Time that the engine has waited with nothing to do, since it was opened.
uint64_t ke_engine_idle_ns(const struct ke_engine *engine);

// Cuts what is open without telling of it; wipes it. Takes NULL.
void ke_engine_close(struct ke_engine *engine);
