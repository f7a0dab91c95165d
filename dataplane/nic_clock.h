// The clock of a port's device as a line over the TSC: fitted as a free clock (time_fit_free) from
// the readings of a thread of its own (clock_reader.h), and published for the port's cores. While
// the readings agree on no line, because the clock was set, stands still or its rate has jumped,
// there is none, and the cores use other stamps. Housekeeping's thread.
#pragma once

#include "board/board.h"
#include "board/time_fit.h"
#include "dataplane/clock_reader.h"
#include "dataplane/port/clock.h"

struct nic_clock {
    const struct port_clock *clock;
    struct board_port *port;     // its line and the counts of its stamps
    struct clock_reader *reader; // NULL: not read
    struct time_fit fit;
    uint64_t n;    // samples seen
    int64_t fault; // of the last reading
    // What the probe has seen and said.
    uint64_t stamped, hardware, believed;
    bool said_good; // its stamps tell arrivals
    bool said_none; // there are none
    bool strange;   // the last ones were no readings of this clock
};

// Does not read the clock yet. port is where its line is published, and is void until then.
void nic_clock_open(struct nic_clock *nic, const struct port_clock *clock, struct board_port *port);

// Starts reading it. 0 or -errno.
int nic_clock_start(struct nic_clock *nic);

// Takes what was read since the last call. To be called as often as the clock is read.
//
// Besides, the device is held against what it promises, again and again: whether its stamps come
// with ordinary requests, and whether they are readings of this clock (the cores compare them with
// the kernel's and with the poll). The log says what was found, once each.
void nic_clock_turn(struct nic_clock *nic);

// What the thread has read: a part of nic_clock_turn, for tests.
void nic_clock_take(struct nic_clock *nic, const struct clock_word *word);

// Ends the reading; the line is void. Accepts a zeroed one.
void nic_clock_close(struct nic_clock *nic);
