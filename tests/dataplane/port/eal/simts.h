// net_simts: a DPDK driver of a simulated network device with a clock. It wraps another device, and
// adds what drivers of real ones have: receive stamps, a clock that drifts, one transmit stamp at a
// time, launch time. Its arguments, all optional but the first:
//
//   sub=NAME;ARGUMENT;...  the device that moves the packets; made when there is none of that name
//   drift_ppb=N            the clock runs faster than the TSC by this
//   offset_ns=N            it is ahead of CLOCK_REALTIME by this
//   hz=N                   stamps and read_clock count in ticks of this frequency; 0: nanoseconds
//   read_clock=WHAT        device, raw (CLOCK_MONOTONIC_RAW, as some drivers have it) or none
//   timesync=WHAT          device, other (a clock that stamps nothing) or none
//   stamps=N               of 100 frames received, so many bear a stamp
//   jitter_ns=N            a stamp is late by up to this
//   txlat_ns=N             a frame leaves this long after the send call
//   launch=N               1: the device can send at a time; 2: it says so, but sends at once
//   mbps=N                 speed of the link
//
// When a frame really arrived and left is in the mbuf, in simts_tsc's field: a sender may set it
// before the frame is received, and a receiver may read it behind the wrapped device, if that
// device passes mbufs on (net_ring).
#pragma once

#include <rte_config.h>
#include <rte_mbuf.h>

// The TSC at which the frame was on the wire; 0: not known.
uint64_t *simts_tsc(struct rte_mbuf *frame);

// The device's reading at that TSC, in ns, in exact arithmetic.
uint64_t simts_clock_ns(uint16_t device, uint64_t tsc);

// The DPDK number of the device that it wraps.
uint16_t simts_sub(uint16_t device);

// How many frames were sent with a launch time, and how many of these came after that time.
uint64_t simts_launched(uint16_t device);
uint64_t simts_launched_late(uint16_t device);
