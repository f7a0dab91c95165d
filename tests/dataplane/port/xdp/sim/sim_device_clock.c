// Reads the simulated clock, in place of a device's: linked instead of device_clock.c.
#include "dataplane/port/xdp/device_clock.h"

#include "base/now.h"
#include "base/tsc.h"
#include "tests/dataplane/port/xdp/sim/sim_clock.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

static struct sim_clock parameters;

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t read_clock(void *self)
{
    (void)self;
    return (int64_t)sim_clock_at(&parameters, now_ns());
}

static int read_sim(void *self, struct time_sample *sample)
{
    const struct device_clock *device = self;
    const uint32_t zero = 0;
    if (bpf_map_lookup_elem(device->map, &zero, &parameters) != 0)
        return -errno;
    if (parameters.mode == SIM_CLOCK_OFF)
        return -ENODATA;
    *sample = time_sample_take(&(struct time_readers){.tsc = read_tsc, .ns = read_clock});
    return 0;
}

bool device_clock_open(struct device_clock *device, int fd, const struct attached *attached)
{
    (void)fd;
    *device = (struct device_clock){.map = attached_map(attached, SIM_CLOCK_MAP)};
    if (device->map < 0)
        return false;
    snprintf(device->name, sizeof device->name, "simulated");
    device->clock = (struct port_clock){.name = device->name, .self = device, .read = read_sim};
    return true;
}
