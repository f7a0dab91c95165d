// Measures the cost of each stage of core_turn(): the linker puts a timer around the stages (--wrap
// in meson.build), so the real core_turn() is measured, without a copy of its code. The timers are
// off unless they are switched on. One thread.
#pragma once

#include "crypto/exchange.h"

#include <stdint.h>

enum stage {
    STAGE_PARSE,
    STAGE_CLASSIFY,
    STAGE_RESPOND,
    STAGE_EXCHANGE, // without the crypto kernel
    STAGE_KERNEL,   // the crypto kernel
    STAGE_REFUSE,
    STAGE_TURN_ROUND,
    STAGE_PORT, // of the bench
    STAGE_ACCOUNT,
    STAGES,
};

extern const char *const stage_names[STAGES + 1]; // ended by NULL

// Switches the timers on; they add to ticks. NULL: switches them off.
void stages_watch(uint64_t ticks[STAGES]);

// Wraps a variant with a timer; the caller keeps the given one. Only one wrapped variant exists at
// a time.
const struct exchange_variant *stages_variant(const struct exchange_variant *variant);
