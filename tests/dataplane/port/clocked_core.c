#include "tests/dataplane/port/clocked_core.h"

#include "base/ntp_time.h"
#include "base/tsc.h"
#include "board/time_fit.h"
#include "tests/dataplane/policy_123.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct ntp_state state_of_now(uint64_t tsc_hz)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct time_line line = {
        .tsc_base = tsc_now(),
        .base_ns = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec,
        .ns_per_tick = NS_PER_S / (double)tsc_hz,
    };
    return (struct ntp_state){
        .line = time_line_encode(&line),
        .tsc_hz = tsc_hz,
        .written_tsc = tsc_now(),
        .void_after = tsc_now() + tsc_hz, // it is marked later: that is no matter here
        .leap = LEAP_NONE,
        .stratum = 1,
        .precision = -32,
        .serving = 1,
    };
}

void clocked_core_open(struct clocked_core *c, struct port *port, const struct port_clock *clock,
                       uint64_t tsc_hz)
{
    c->clock = clock;
    nic_clock_open(&c->nic, clock, &c->shown);
    c->state = state_of_now(tsc_hz);
    ntp_state_publish(&c->ntp_state, &c->state);
    core_open(&c->core, &(struct core_setup){
                            .port = port,
                            .keyring = &c->keyring,
                            .ntp_state = &c->ntp_state,
                            .stamps = &c->stamps,
                            .own_clock = &c->shown.own_clock,
                            .counters = &c->counters,
                            .kernels = {{exchange_variant_named(AEAD_SIV_CMAC_256, "portable")}},
                            .policy = &policy_123,
                        });
    const struct packet ntp = packet_ntp(4, 3);
    c->frame = frame_around(&frame_default, ntp.at, ntp.len);
}

void clocked_core_read(struct clocked_core *c)
{
    if (tsc_now() - c->read_at < c->state.tsc_hz / 20)
        return;
    c->read_at = tsc_now();
    c->word.fault = c->clock->read(c->clock->self, &c->word.sample);
    c->word.n += c->word.fault == 0;
    nic_clock_take(&c->nic, &c->word);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void clocked_core_say(const char *what, double *value, unsigned n)
{
    qsort(value, n, sizeof *value, compare);
    if (n > 0)
        printf("# %s: p50 %.0f ns, p99 %.0f ns, least %.0f, most %.0f; %u\n", what, value[n / 2],
               value[n - 1 - n / 100], value[0], value[n - 1], n);
}
