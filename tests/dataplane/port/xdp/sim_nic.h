// A network device behind the rings of an AF_XDP socket with zero copy, for tests: it reads the
// ring of frames to send within sendto, as a driver does that is polled by the socket's user. It
// has a clock of its own, stamps frames as they leave, and lets them go at a time. What it really
// did is known to the tick. Linked with --wrap=socket_open, socket_close, sendto, recvfrom, poll
// and __poll_chk.
#pragma once

#include "dataplane/port/clock.h"
#include "dataplane/port/xdp/queue.h"

#include <stdbool.h>
#include <stdint.h>

enum sim_launch {
    SIM_LAUNCH_WORKS,
    SIM_LAUNCH_IGNORED, // it says that it can, but sends at once
    SIM_LAUNCH_COARSE,  // in units of 256 ns, rounded down
    SIM_LAUNCH_LATE,    // 100 us after the time
};

enum sim_stamps {
    SIM_STAMPS_EACH,
    SIM_STAMPS_LAST, // each frame gets the stamp of the last one that was read with it
    SIM_STAMPS_NONE,
    SIM_STAMPS_OTHER, // of another clock
};

struct sim_plan {
    int64_t drift_ppb;
    uint64_t offset_ns;
    uint64_t latency_ns; // from the call to the wire
    enum sim_launch launch;
    enum sim_stamps stamps;
};

struct sim_sent {
    uint64_t left; // TSC
    bool launched; // with a launch time,
    bool late;     // which had passed
    bool stamped;  // with a stamp, if the device stamps
    uint32_t len;
    uint8_t octets[128]; // the frame, as far as there is room
    bool completed;
    uint64_t address;
};

// Starts anew, with nothing sent or received.
void sim_start(const struct sim_plan *plan);

// Makes it stop or go on reading the ring, and giving buffers back.
void sim_stall(bool reading, bool completing);

// Gives the buffers back of what has left by now.
void sim_pump(void);

// Receives a frame; returns the TSC of its arrival.
uint64_t sim_receive(const uint8_t *frame, uint32_t len);

// How many frames it has sent, and each of the last 4096 by its number.
unsigned sim_n_sent(void);
const struct sim_sent *sim_sent(unsigned number);

uint64_t sim_reading(uint64_t tsc); // of its clock
double sim_tsc_hz(void);
const struct port_clock *sim_clock(void);
