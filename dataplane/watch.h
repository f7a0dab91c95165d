// Is a polling thread still turning? A core counts each turn, thousands of times a second even
// without packets. A core that has not counted one for a while may be stuck, or only be kept off
// its CPU: on a busy machine with few cores that is common and no reason to restart. What the
// kernel says of the thread tells them apart:
//
//   it has used half a second of its own CPU time without a turn       stuck in a loop
//   it has ended                                                       stuck
//   it is stopped, seen so for 0.8 s                                   stuck
//   it waits in the kernel, seen so for 3 s                            stuck
//   it is ready to run but gets no CPU time                            starved: logged, not ended
//
// Wall time is counted in checks (one each WATCH_LOOK_MS), so that a pause of the whole machine
// does not count. Pure.
#pragma once

#include <stdint.h>

enum {
    WATCH_LOOK_MS = 100,
    WATCH_LOOKS_STOPPED = 8,
    WATCH_LOOKS_WAITING = 30,
    WATCH_LOOKS_STARVED = 30,
    WATCH_CPU_MS = 500,
    WATCH_ENDED = 'X', // state of a thread that has ended
};

enum watch_verdict {
    WATCH_FINE,
    WATCH_STARVED,
    WATCH_STUCK,
};

// What one check sees.
struct watch_look {
    uint64_t beat;   // the core's counter of turns
    uint64_t cpu_ns; // CPU time of its thread
    char state;      // of its thread, as in /proc: R, S, D, T, t, ...
};

// What is kept between checks; zero at first.
struct watch {
    uint64_t beat;
    uint64_t cpu_ns; // when beat was first seen
    uint32_t looks;  // since then, without a new beat
    uint32_t stopped;
    uint32_t waiting;
};

enum watch_verdict watch_judge(struct watch *watch, const struct watch_look *look);
