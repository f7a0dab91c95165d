// A simulated machine.
#include "tests/control/time/sim_clock.h"

#include <math.h>

void sim_clock_init(struct sim_clock *sim, int64_t unix_s)
{
    *sim = (struct sim_clock){
        .ns = 5000000000,
        .utc_ns = unix_s * 1000000000 + 123456789,
        .hz = 2900000000,
        .read_ns = 25,
        .kernel = TIME_OK,
        .status = STA_PLL,
        .maxerror_us = 800,
        .random = 88172645463325252,
    };
}

void sim_clock_advance(struct sim_clock *sim, uint64_t ns)
{
    double part = sim->utc_part + (double)ns * sim->ppm / 1e6;
    double whole = floor(part);
    sim->maxerror_us +=
        sim->growth_us * (int64_t)((sim->ns + ns) / 1000000000 - sim->ns / 1000000000);
    sim->ns += ns;
    sim->utc_ns += (int64_t)ns + (int64_t)whole;
    sim->utc_part = part - whole;
}

uint64_t sim_clock_tsc(const struct sim_clock *sim)
{
    return sim->ns / 1000000000 * sim->hz + sim->ns % 1000000000 * sim->hz / 1000000000;
}

// A look takes its time before and after the moment that it reports, in no fixed proportion.
static void read_takes(struct sim_clock *sim)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    sim_clock_advance(sim, sim->random % (sim->read_ns + 1));
}

static uint64_t tsc(void *self)
{
    read_takes(self);
    uint64_t now = sim_clock_tsc(self);
    read_takes(self);
    return now;
}

static int64_t utc_ns(void *self)
{
    struct sim_clock *sim = self;
    read_takes(sim);
    int64_t now = sim->utc_ns;
    read_takes(sim);
    sim_clock_advance(sim, sim->stall_ns);
    return now;
}

static int kernel(void *self, struct timex *now)
{
    const struct sim_clock *sim = self;
    *now = (struct timex){.status = sim->status, .maxerror = sim->maxerror_us, .tai = sim->tai_s};
    return sim->kernel;
}

struct time_clock sim_clock_functions(struct sim_clock *sim)
{
    return (struct time_clock){.self = sim, .tsc = tsc, .utc_ns = utc_ns, .kernel = kernel};
}
