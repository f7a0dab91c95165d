// The simulated chronyd.
#include "tests/control/time/sim_chronyd.h"

#include "base/bytes.h"
#include "base/ntp_time.h"
#include "tests/control/time/chronyd_reply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

void sim_chronyd_open(struct sim_chronyd *sim)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
    *sim = (struct sim_chronyd){
        .fd = ends[0],
        .own = ends[1],
        .stratum = 2,
        .reference_id = 0xc0000201,
        .updated_ns = 1767225590 * (int64_t)NS_PER_S,
        .correction_s = -20e-6,
        .root_delay_s = 4e-3,
        .root_dispersion_s = 1e-3,
    };
}

void sim_chronyd_close(struct sim_chronyd *sim)
{
    close(sim->fd);
    close(sim->own);
}

// As many bits of the value as the 25 of the coefficient take.
static uint32_t number(double value)
{
    int exponent;
    const double fraction = frexp(value, &exponent); // 0.5 to 1, or 0
    const int32_t coefficient = (int32_t)(fraction * 0x800000);
    if (coefficient == 0)
        return 0;
    return (uint32_t)(exponent + 2) << 25 | ((uint32_t)coefficient & 0x1ffffff);
}

void sim_chronyd_answer(struct sim_chronyd *sim)
{
    uint8_t request[256], reply[sizeof chronyd_reply];
    while (read(sim->own, request, sizeof request) == sizeof chronyd_reply) {
        sim->asked++;
        if (sim->silent)
            continue;
        memcpy(reply, chronyd_reply, sizeof reply);
        memcpy(reply + 16, request + 8, 4);
        reply[9] = sim->status;
        be32_put(reply + 28, sim->reference_id);
        be16_put(reply + 52, sim->stratum);
        be16_put(reply + 54, sim->leap);
        const uint64_t seconds = (uint64_t)(sim->updated_ns / NS_PER_S);
        be32_put(reply + 56, (uint32_t)(seconds >> 32));
        be32_put(reply + 60, (uint32_t)seconds);
        be32_put(reply + 64, (uint32_t)(sim->updated_ns % NS_PER_S));
        be32_put(reply + 68, number(sim->correction_s));
        be32_put(reply + 92, number(sim->root_delay_s));
        be32_put(reply + 96, number(sim->root_dispersion_s));
        assert_int_equal(write(sim->own, reply, sizeof reply), sizeof reply);
    }
}
