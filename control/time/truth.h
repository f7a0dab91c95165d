// Reads the configured source: how wrong CLOCK_REALTIME may be, what it follows, leap seconds, and
// the reasons not to trust it.
//
//   system   the kernel, as the program that keeps the clock has told it (kernel_clock.h)
//   chronyd  the chronyd of this host (chronyd.h): served as its own server would serve it
//   phc      a hardware clock (phc.h): CLOCK_REALTIME is as wrong as the two differ, and as the
//            hardware clock may be wrong
//   fixed    nobody: nothing but a step speaks against the clock
//
// One thread; never waits.
#pragma once

#include "config/config.h"
#include "control/time/chronyd.h"
#include "control/time/health.h"
#include "control/time/kernel_clock.h"
#include "control/time/phc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>

struct truth {
    const struct config *config; // not owned
    struct kernel_clock kernel;
    struct chronyd chronyd;
    struct phc *phc;     // NULL: another source
    uint64_t opened_ns;  // at the first turn
    bool unconfirmed;    // the clock was stepped, and the source has not measured it since
    uint64_t stepped_ns; // when that was noticed; of phc
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
    // With role ke: the kernel's clock is not synchronised. Nobody is told the time there, so that
    // this stands only against what follows the calendar: the keys of a fleet.
    bool unkept;

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

// fd: of the source (link/handover.h), not owned; not used where it needs none. 0 or -errno.
int truth_open(struct truth *truth, const struct config *config, int fd);

// Asks the source what it has to be asked. Several times a second.
void truth_turn(struct truth *truth, uint64_t now_ns);

void truth_close(struct truth *truth);

// CLOCK_REALTIME was stepped, by something that is no leap second.
void truth_stepped(struct truth *truth, uint64_t now_ns);

// Has the source's descriptor been of no use for so long that control is to be started again, to
// get another one? A hardware clock that was taken out and put back is another device.
bool truth_is_lost(struct truth *truth, uint64_t now_ns);

void truth_look(struct truth *truth, const struct truth_kernel *kernel, uint64_t now_ns,
                struct truth_view *view);

// Why it is not to be believed, for the log. error_s is the whole distance.
void truth_explain(const struct truth *truth, const struct truth_view *view,
                   enum health_reason reason, double error_s, char *text, size_t len);
