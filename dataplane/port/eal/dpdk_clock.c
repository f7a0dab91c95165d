// Reading the device's clocks through DPDK, and finding the stamps' one.
#include "dataplane/port/eal/dpdk_clock.h"

#include "base/log.h"
#include "base/now.h"
#include "base/ntp_time.h"
#include "base/tsc.h"
#include "dataplane/port/eal/ethdev.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <rte_version.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { UNKNOWN_WINDOWS = 8 * CHOICE_WINDOWS }; // before it is said that no clock fits

// Its driver's launch time is wrong before DPDK 26.03.
static bool launch_is_sound(const char *driver)
{
    return strcmp(driver, "net_igc") != 0 || RTE_VERSION >= RTE_VERSION_NUM(26, 3, 0, 0);
}

bool dpdk_clock_offers(const struct rte_eth_dev_info *info, bool launch,
                       struct device_stamps *stamps)
{
    const char *driver = info->driver_name;
    *stamps = (struct device_stamps){0};
    if ((info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) == 0)
        return false;
    if (rte_mbuf_dyn_rx_timestamp_register(&stamps->field, &stamps->rx_flag) != 0) {
        log_warning("%s: DPDK has no room for stamps in its buffers: requests bear none", driver);
        *stamps = (struct device_stamps){0};
        return false;
    }
    if (!launch || (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP) == 0)
        return true;
    if (!launch_is_sound(driver))
        log_warning("%s of this DPDK sends frames at wrong times: dataplane.launch_time has no "
                    "effect; DPDK 26.03 has it right",
                    driver);
    else if (rte_mbuf_dyn_tx_timestamp_register(&stamps->field, &stamps->tx_flag) != 0)
        log_warning("%s: DPDK has no room for launch times in its buffers", driver);
    return true;
}

static uint64_t raw_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int read_value(const struct dpdk_clock *clock, enum clock_candidate which, uint64_t *value)
{
    struct timespec time;
    if (which == CLOCK_READ)
        return rte_eth_read_clock(clock->device, value);
    const int fault = rte_eth_timesync_read_time(clock->device, &time);
    if (!fault)
        *value = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
    return fault;
}

// One of the clocks for time_sample_take.
struct reading {
    const struct dpdk_clock *clock;
    enum clock_candidate which;
    int fault;
};

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t read_ns(void *self)
{
    struct reading *r = self;
    uint64_t value = 0;
    const int fault = read_value(r->clock, r->which, &value);
    if (fault)
        r->fault = fault;
    return (int64_t)clock_unit_ns(&r->clock->unit, value);
}

static int sample(const struct dpdk_clock *clock, enum clock_candidate which,
                  struct time_sample *out)
{
    struct reading reading = {.clock = clock, .which = which};
    const struct time_sample taken =
        time_sample_take(&(struct time_readers){.self = &reading, .tsc = read_tsc, .ns = read_ns});
    if (reading.fault == 0)
        *out = taken;
    return reading.fault;
}

static void read_candidate(struct dpdk_clock *clock, enum clock_candidate which)
{
    struct time_sample taken;
    uint64_t value;
    // The unit is not known yet, so the sample has the value itself.
    if (sample(clock, which, &taken) != 0)
        return;
    struct choice_reading reading = {
        .tsc = taken.tsc,
        .width = taken.width,
        .value = (uint64_t)taken.ns,
        .now_ns = now_ns(),
    };
    const uint64_t before = raw_ns();
    if (read_value(clock, which, &value) != 0)
        return;
    reading.is_kernel = value - before <= raw_ns() - before;
    clock_choice_reading(&clock->choice, which, &reading);
}

struct clock_unit clock_unit_of(uint64_t base, double ns_per_unit)
{
    if (ns_per_unit == 1)
        return (struct clock_unit){0};
    const double one = (double)(UINT64_C(1) << CLOCK_UNIT_SHIFT);
    return (struct clock_unit){.base = base, .mult = (uint64_t)(ns_per_unit * one + 0.5)};
}

static void say_chosen(const struct dpdk_clock *clock)
{
    char text[64];
    dpdk_clock_show(clock, text, sizeof text);
    log_info("%s: its stamps are in the clock that %s reads%s", clock->name, text,
             clock->stamps.tx_flag ? "; it sends replies at their time" : "");
}

// Holds what the queues have received since the last time against the readings.
static void hold(struct dpdk_clock *clock)
{
    enum { MOST = sizeof clock->seen / sizeof clock->seen[0] };
    for (uint32_t i = 0; i < clock->n_queues && i < MOST; i++) {
        struct choice_stamp stamp;
        const struct snapshot *news = &clock->queue[i]->received;
        if (!snapshot_moved(news, clock->seen[i]) ||
            !snapshot_read(news, &stamp, sizeof stamp, &clock->seen[i]))
            continue;
        if (!clock_choice_stamp(&clock->choice, &stamp))
            continue;
        clock->unit = clock_unit_of(stamp.stamp, clock->choice.ns_per_unit);
        clock->tells = clock->synced && clock->choice.chosen == CLOCK_TIMESYNC;
        atomic_store_explicit(&clock->known, true, memory_order_release);
        say_chosen(clock);
        return;
    }
}

static void probe(struct dpdk_clock *clock)
{
    for (unsigned i = 0; i < CLOCK_CANDIDATES; i++) {
        const bool was_kernel = clock_choice_is_kernel(&clock->choice, i);
        read_candidate(clock, i);
        if (!was_kernel && clock_choice_is_kernel(&clock->choice, i))
            log_info("%s: DPDK's %s reads the kernel's CLOCK_MONOTONIC_RAW instead of the device's "
                     "clock: not used",
                     clock->name, i == CLOCK_READ ? "read_clock" : "timesync");
    }
    const uint32_t judged = clock->choice.judged;
    hold(clock);
    if (!clock->choice.made && judged < UNKNOWN_WINDOWS && clock->choice.judged >= UNKNOWN_WINDOWS)
        log_warning("%s: its stamps are in none of the clocks that DPDK reads of it: they are not "
                    "used, and requests count as arrived when a core looks",
                    clock->name);
}

static int clock_read(void *self, struct time_sample *out)
{
    struct dpdk_clock *clock = self;
    if (!clock->choice.made)
        probe(clock);
    return clock->choice.made ? sample(clock, clock->choice.chosen, out) : -EAGAIN;
}

void dpdk_clock_open(struct dpdk_clock *clock, uint16_t device, const char *name,
                     struct ethdev *const *queue, uint32_t n_queues)
{
    const struct device_stamps stamps = clock->stamps;
    *clock = (struct dpdk_clock){
        .port = {.name = "DPDK's clock", .self = clock, .read = clock_read},
        .device = device,
        .name = name,
        .queue = queue,
        .n_queues = n_queues,
        .stamps = stamps,
    };
    // Some drivers stamp only once this is on. It may set the device's clock.
    clock->synced = rte_eth_timesync_enable(device) == 0;
}

void dpdk_clock_show(const struct dpdk_clock *clock, char *text, size_t size)
{
    if (!atomic_load_explicit(&clock->known, memory_order_acquire)) {
        snprintf(text, size, "not known yet");
        return;
    }
    const char *by = clock->choice.chosen == CLOCK_READ ? "read_clock" : "timesync";
    if (clock->unit.mult == 0)
        snprintf(text, size, "%s", by);
    else
        snprintf(text, size, "%s, %.0f Hz", by, NS_PER_S / clock->choice.ns_per_unit);
}
