// Is the time source fit to be served as synchronised? The verdict and its history; what follows
// from it (leap 3 or silence, the hook) is done elsewhere.
//
// The hook is told less than clients are: a fault at once, but "healthy" only when it has lasted,
// so that a clock that is stepped again and again does not make routes flap.
//
// Pure; one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum health_reason {
    HEALTH_GOOD,
    HEALTH_STEPPED,        // the clock was stepped, and is not known again yet
    HEALTH_CONTRADICTED,   // another clock says that it is wrong
    HEALTH_STALE,          // the source has said nothing for too long
    HEALTH_UNSYNCHRONISED, // the source says so itself
    HEALTH_ERROR,          // it may be wrong by time.max_error or more
    HEALTH_REASONS,
};

// The faults of the source now. The first one in the order above is the reason.
struct health_facts {
    bool stepped;
    bool contradicted;
    bool stale;
    bool unsynchronised;
    double error_s;
    double error_max_s;
};

enum { HEALTH_CALM_MS = 2000 }; // what the hook is told first, and that all is well, lasts so long

enum health_told { HEALTH_TOLD_NOTHING, HEALTH_TOLD_GOOD, HEALTH_TOLD_BAD };

struct health {
    enum health_reason reason;
    uint64_t since_ns; // CLOCK_MONOTONIC: when it became healthy or unhealthy
    uint64_t changes;  // between healthy and unhealthy
    enum health_told told;
};

// At the start: healthy, until something is known.
void health_open(struct health *health, uint64_t now_ns);

// The facts of this moment. True when the reason is another one than before.
bool health_judge(struct health *health, const struct health_facts *facts, uint64_t now_ns);

// Is there something that the hook has not been told?
bool health_has_news(const struct health *health, uint64_t now_ns);

// The hook has been told of the health as it is.
void health_told(struct health *health);

// "healthy" or "unhealthy"; "stale" or another word of a reason, NULL when healthy.
const char *health_state_word(const struct health *health);
const char *health_reason_word(const struct health *health);
