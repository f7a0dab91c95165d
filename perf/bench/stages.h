// What each stage of core_turn() costs: the linker puts a stopwatch around the stages (--wrap in
// meson.build), so that the real core_turn() is measured and nothing of it is written twice. The
// stopwatches stand still unless they are asked to run. One thread.
#pragma once

#include "crypto/exchange.h"

#include <stdint.h>

enum stage {
    STAGE_PARSE,
    STAGE_CLASSIFY,
    STAGE_RESPOND,
    STAGE_EXCHANGE, // without the kernel
    STAGE_KERNEL,   // of the crypto
    STAGE_REFUSE,
    STAGE_TURN_ROUND,
    STAGE_PORT, // the bench's own
    STAGE_ACCOUNT,
    STAGES,
};

extern const char *const stage_names[STAGES + 1]; // the last one is NULL

// Runs the stopwatches from now on, which add to ticks; NULL: stops them.
void stages_watch(uint64_t ticks[STAGES]);

// A variant that is watched and otherwise does what the given one does, which stays the caller's.
// There is one at a time.
const struct exchange_variant *stages_variant(const struct exchange_variant *variant);
