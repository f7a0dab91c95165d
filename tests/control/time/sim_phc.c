// The simulated hardware clock.
#include "tests/control/time/sim_phc.h"

#include "control/time/phc.h"

#include <stddef.h>
#include <stdlib.h>

struct sim_phc time_phc;

struct phc {
    struct snapshot last;
    struct phc_word word;
    uint64_t due_ns;
};

// The true time, to which the system's clock was set when the world began. It is not stepped.
static int64_t truth_ns(const struct sim_phc *sim)
{
    return 1767225600 * INT64_C(1000000000) + (int64_t)sim->clock->ns;
}

int64_t sim_phc_ns(const struct sim_phc *sim)
{
    if (sim->frozen)
        return sim->frozen_ns;
    const double ran_ns = (double)(sim->clock->ns - sim->since_ns);
    return truth_ns(sim) + sim->off_ns + (int64_t)(ran_ns * sim->ppm / 1e6);
}

static int read_sim(void *self, struct phc_reading *readings, int n)
{
    struct sim_phc *sim = self;
    sim->rounds++;
    if (sim->fault != 0)
        return sim->fault;
    for (int i = 0; i < n; i++) {
        readings[i].before_ns = sim->clock->utc_ns;
        sim_clock_advance(sim->clock, sim->read_ns / 2);
        readings[i].phc_ns = sim_phc_ns(sim);
        sim_clock_advance(sim->clock, sim->read_ns / 2 + (i == 3 ? 0 : 700));
        readings[i].after_ns = sim->clock->utc_ns;
    }
    return n;
}

static uint64_t sim_now_ns(void *self)
{
    return ((const struct sim_phc *)self)->clock->ns;
}

int phc_open(int fd, struct phc **phc)
{
    (void)fd;
    *phc = aligned_alloc(_Alignof(struct phc), sizeof **phc);
    **phc = (struct phc){0};
    return 0;
}

bool phc_last(struct phc *phc, struct phc_word *word)
{
    const struct phc_reader reader = {.self = &time_phc, .read = read_sim, .now_ns = sim_now_ns};
    uint64_t seen = 0;
    if (!time_phc.hangs && time_phc.clock->ns >= phc->due_ns) {
        phc_read_once(&reader, &phc->word, &phc->last);
        phc->due_ns = time_phc.clock->ns + PHC_READ_MS * UINT64_C(1000000);
    }
    return snapshot_read(&phc->last, word, sizeof *word, &seen);
}

void phc_close(struct phc *phc)
{
    free(phc);
}
