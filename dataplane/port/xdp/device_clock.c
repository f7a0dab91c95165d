// A reading of a PHC is a sandwich between two readings of a clock of the system's, which are
// turned into readings of the TSC: that clock was read beside the TSC just before and just after.
//
// CLOCK_MONOTONIC_RAW is the best one, because nobody changes its rate. CLOCK_REALTIME may be
// slewed and stepped, so a line over seconds of it would bend. Over the microseconds of a reading a
// slew is some nanoseconds, which widen the sample, and a step shows.
#include "dataplane/port/xdp/device_clock.h"

#include "base/ntp_time.h"
#include "base/phc_read.h"
#include "base/tsc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define REALTIME_SLEW 5000e-6 // what chronyd may slew by

struct beside {
    clockid_t clock;
};

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t read_system(void *self)
{
    struct timespec now;
    clock_gettime(((const struct beside *)self)->clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct time_sample sample_of(clockid_t clock)
{
    struct beside beside = {clock};
    return time_sample_take(
        &(struct time_readers){.self = &beside, .tsc = read_tsc, .ns = read_system});
}

int device_clock_sample(const struct phc_reading *reading, const struct time_sample *before,
                        const struct time_sample *after, double ns_per_tick, double slew,
                        struct time_sample *sample)
{
    // Each reading of the system's clock was rounded down.
    const double rounded = 2 / ns_per_tick;
    const double took = (double)(after->tsc - before->tsc);
    const double doubt = (double)(before->width + after->width) / 2 + rounded + slew * took;
    if (fabs((double)(after->ns - before->ns) / ns_per_tick - took) > doubt)
        return -EAGAIN;
    const double from = (double)(reading->before_ns - before->ns) / ns_per_tick;
    const double to = (double)(reading->after_ns - before->ns) / ns_per_tick;
    if (from < -doubt || to < from || to > took + doubt)
        return -EAGAIN;
    const double widest = (double)before->width / 2 + rounded + slew * took;
    *sample = (struct time_sample){
        .tsc = before->tsc + (uint64_t)(int64_t)(from + (to - from) / 2),
        .width = (uint64_t)(to - from + 2 * widest) + 1,
        .ns = reading->phc_ns,
    };
    return 0;
}

// The narrowest of some readings beside that clock. 0 or -errno.
static int read_beside(int fd, clockid_t clock, double ns_per_tick, double slew,
                       struct time_sample *sample)
{
    struct phc_reading readings[PHC_READINGS];
    const struct time_sample before = sample_of(clock);
    const int n = phc_read(fd, clock, readings, PHC_READINGS);
    const struct time_sample after = sample_of(clock);
    const struct phc_reading *best = phc_narrowest(readings, n);
    if (!best)
        return n < 0 ? n : -EAGAIN;
    return device_clock_sample(best, &before, &after, ns_per_tick, slew, sample);
}

static int read_device(void *self, struct time_sample *sample)
{
    struct device_clock *device = self;
    const struct time_sample now = sample_of(CLOCK_MONOTONIC_RAW);
    if (device->first.tsc == 0) {
        device->first = now;
        return -EAGAIN;
    }
    const double ns_per_tick =
        (double)(now.ns - device->first.ns) / (double)(now.tsc - device->first.tsc);
    if (!device->by_realtime) {
        const int fault = read_beside(device->fd, CLOCK_MONOTONIC_RAW, ns_per_tick, 0, sample);
        if (!phc_is_not_known(fault))
            return fault;
        device->by_realtime = true;
    }
    return read_beside(device->fd, CLOCK_REALTIME, ns_per_tick, REALTIME_SLEW, sample);
}

bool device_clock_open(struct device_clock *device, int fd, const struct attached *attached)
{
    struct stat st;
    (void)attached;
    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    *device = (struct device_clock){.fd = fd};
    // The minor number of a PTP clock is its number.
    snprintf(device->name, sizeof device->name, "/dev/ptp%u", minor(st.st_rdev));
    device->clock = (struct port_clock){.name = device->name, .self = device, .read = read_device};
    return true;
}
