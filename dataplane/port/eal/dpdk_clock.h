// The clock of a DPDK device: what its receive stamps are in, what it lets frames go by, and what
// it says of the departures of single frames. The thread that reads it (port/clock.h) finds out by
// the stamps which of DPDK's functions reads this clock (clock_choice.h). Until then the device's
// frames bear no stamps.
#pragma once

#include "board/snapshot.h"
#include "dataplane/port/clock.h"
#include "dataplane/port/eal/clock_choice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ethdev;
struct rte_eth_dev_info;

// What the driver offers, as flags of its frames. All zero: no stamps.
struct device_stamps {
    uint64_t rx_flag; // RX stamp in the field; 0: it stamps no frame that is received
    uint64_t tx_flag; // the field says when to send; 0: it cannot wait
    int field;        // offset in struct rte_mbuf, of both
};

// Units of a clock that counts in ticks. ns = (value - base) * mult / 2^CLOCK_UNIT_SHIFT, so its
// nanoseconds begin when it was chosen; their rate is right to some ppm, and the line over the TSC
// corrects the rest. mult 0: it counts in nanoseconds.
enum { CLOCK_UNIT_SHIFT = 32 };

struct clock_unit {
    uint64_t base;
    uint64_t mult;
};

struct dpdk_clock {
    struct port_clock port; // what reads it
    uint16_t device;        // DPDK's number
    const char *name;       // DPDK's
    struct ethdev *const *queue;
    uint32_t n_queues;
    struct device_stamps stamps;
    bool synced; // timesync is on

    // Of the thread that reads.
    struct clock_choice choice;
    uint64_t seen[64]; // of the queues' frames, by queue, up to that many

    // Is the clock known? Writer: the thread that reads, release, once, after unit. Readers: the
    // cores, acquire.
    _Atomic bool known;
    struct clock_unit unit;
    bool tells; // when a frame left
};

// Takes what the driver offers from its capabilities, before the device is configured. `launch`:
// the operator wants frames sent at their time. False: it stamps no frames.
bool dpdk_clock_offers(const struct rte_eth_dev_info *info, bool launch,
                       struct device_stamps *stamps);

// Makes the clock of a started device with these queues, which outlive it.
void dpdk_clock_open(struct dpdk_clock *clock, uint16_t device, const char *name,
                     struct ethdev *const *queue, uint32_t n_queues);

// What was found out: "timesync", "read_clock, 312500000 Hz", "not known yet". Housekeeping.
void dpdk_clock_show(const struct dpdk_clock *clock, char *text, size_t size);

__extension__ typedef __int128 clock_wide;

// Can the device tell when a frame left, in the clock of the stamps? Cores.
static inline bool dpdk_clock_tells(const struct dpdk_clock *clock)
{
    // Acquire: tells is valid; partner: dpdk_clock.c.
    return atomic_load_explicit(&clock->known, memory_order_acquire) && clock->tells;
}

static inline uint64_t clock_unit_ns(const struct clock_unit *unit, uint64_t value)
{
    if (unit->mult == 0)
        return value;
    const clock_wide since = (int64_t)(value - unit->base);
    return (uint64_t)(since * (clock_wide)unit->mult >> CLOCK_UNIT_SHIFT);
}

// Never earlier than that nanosecond.
static inline uint64_t clock_unit_value(const struct clock_unit *unit, uint64_t ns)
{
    if (unit->mult == 0)
        return ns;
    const clock_wide since = (clock_wide)(int64_t)ns * (INT64_C(1) << CLOCK_UNIT_SHIFT);
    return unit->base + (uint64_t)(since / (clock_wide)unit->mult) + 1;
}

struct clock_unit clock_unit_of(uint64_t base, double ns_per_unit);
