// What is known of CLOCK_REALTIME, from where the configuration names: how wrong it may be, what it
// follows, leap seconds, and what speaks against it.
//
//   system   the kernel, as the program that keeps the clock has told it (kernel_clock.h)
//   chronyd  the chronyd of this host (chronyd.h): served as its own server would serve it
//   fixed    nobody: nothing but a step speaks against the clock
//
// One thread; never waits.
#pragma once

#include "config/config.h"
#include "control/time/chronyd.h"
#include "control/time/health.h"
#include "control/time/kernel_clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>

struct truth {
    const struct config *config; // not owned
    struct kernel_clock kernel;
    struct chronyd chronyd;
    bool unconfirmed; // the clock was stepped, and chronyd has not measured it since
    bool has_updated;
    ntp_time updated; // chronyd's last measurement before the step; of has_updated
};

// One look.
struct truth_view {
    // What clients are told.
    uint8_t leap; // enum ntp_leap, but for LEAP_UNKNOWN
    uint8_t stratum;
    uint32_t reference_id;
    double delay_s;          // to the primary reference: root delay
    double error_s;          // how wrong CLOCK_REALTIME may be besides half of that
    ntp_time reference_time; // of the last update; 0: it is kept all the time

    // What speaks against it.
    bool unconfirmed; // a step of the clock that nobody has explained yet
    bool contradicted;
    bool stale;
    bool unsynchronised;
    bool marked; // by the kernel, which is not held against it

    // The source's own last word, if it has one.
    bool has_offset;
    double offset_s;     // the source's time minus CLOCK_REALTIME
    double offset_age_s; // when that was
};

// What the kernel said when it was asked, just now.
struct truth_kernel {
    int returned; // of adjtimex
    struct timex now;
};

// fd: of the source (link/handover.h), not owned; -1 where it needs none.
void truth_open(struct truth *truth, const struct config *config, int fd);

// Asks the source what it has to be asked. Several times a second.
void truth_turn(struct truth *truth, uint64_t now_ns);

// CLOCK_REALTIME was stepped, by something that is no leap second.
void truth_stepped(struct truth *truth);

void truth_look(struct truth *truth, const struct truth_kernel *kernel, uint64_t now_ns,
                struct truth_view *view);

// Why it is not to be believed, for the log. error_s is the whole distance.
void truth_explain(const struct truth *truth, const struct truth_view *view,
                   enum health_reason reason, double error_s, char *text, size_t len);
