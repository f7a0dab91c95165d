// A chronyd of this host, asked again and again what it knows of the clock. Its command port, UDP
// 323 on a loopback address, answers `tracking` to any local program; it does so at once, so that a
// question that is still open at the next one has got no answer.
//
// Never waits. Belongs to control's main loop.
#pragma once

#include "control/time/chrony_wire.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CHRONYD_POLL_MS = 1000,
    CHRONYD_POLL_SOON_MS = 250, // while it is silent, or not synchronised
};

struct chronyd {
    int fd;                      // a connected, non-blocking datagram socket; not owned
    uint32_t number;             // of the last question
    uint64_t asked_ns;           // when it was asked; CLOCK_MONOTONIC, as all times here
    uint64_t due_ns;             // of the next one
    uint64_t heard_ns;           // when the question was asked whose answer is in said; 0: none was
    struct chrony_tracking said; // the last answer
};

void chronyd_open(struct chronyd *chronyd, int fd);

// Reads what came, and asks when it is time to. Several times a second.
void chronyd_turn(struct chronyd *chronyd, uint64_t now_ns);

// Asks at the next turn.
void chronyd_ask_soon(struct chronyd *chronyd);
