// The timers. The linker redirects calls of NAME to __wrap_NAME, and calls of __real_NAME to NAME.
#include "perf/bench/stages.h"

#include "base/tsc.h"
#include "dataplane/port/port.h"
#include "dataplane/stage/account.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/exchange.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/refuse.h"
#include "dataplane/stage/respond.h"
#include "dataplane/stage/turn_round.h"

#include <stddef.h>

const char *const stage_names[STAGES + 1] = {
    "parse",  "classify",   "respond", "exchange", "kernel",
    "refuse", "turn_round", "port",    "account",  NULL,
};

static uint64_t *watch; // NULL: timers are off
static const struct exchange_variant *watched;

void stages_watch(uint64_t ticks[STAGES])
{
    watch = ticks;
}

static uint64_t start(void)
{
    return watch != NULL ? tsc_now() : 0;
}

static void stop(enum stage stage, uint64_t from)
{
    if (watch != NULL)
        watch[stage] += tsc_now() - from;
}

static lane_set run_watched(struct exchange *x, lane_set which)
{
    uint64_t from = start();
    lane_set proven = watched->run(x, which);
    stop(STAGE_KERNEL, from);
    return proven;
}

const struct exchange_variant *stages_variant(const struct exchange_variant *variant)
{
    static struct exchange_variant own;
    watched = variant;
    own = *variant;
    own.run = run_watched;
    return &own;
}

lane_set __real_parse(struct batch *, lane_set, const struct address_set *, struct udp_ports);
lane_set __wrap_parse(struct batch *, lane_set, const struct address_set *, struct udp_ports);
lane_set __wrap_parse(struct batch *batch, lane_set lanes, const struct address_set *ours,
                      struct udp_ports ports)
{
    uint64_t from = start();
    lane_set passed = __real_parse(batch, lanes, ours, ports);
    stop(STAGE_PARSE, from);
    return passed;
}

struct kinds __real_classify(struct batch *, lane_set);
struct kinds __wrap_classify(struct batch *, lane_set);
struct kinds __wrap_classify(struct batch *batch, lane_set lanes)
{
    uint64_t from = start();
    struct kinds kinds = __real_classify(batch, lanes);
    stop(STAGE_CLASSIFY, from);
    return kinds;
}

void __real_respond(struct batch *, lane_set, const struct ntp_state *, struct departures,
                    struct rng *, struct receive_stamps *);
void __wrap_respond(struct batch *, lane_set, const struct ntp_state *, struct departures,
                    struct rng *, struct receive_stamps *);
void __wrap_respond(struct batch *batch, lane_set lanes, const struct ntp_state *state,
                    struct departures leave, struct rng *rng, struct receive_stamps *stamps)
{
    uint64_t from = start();
    __real_respond(batch, lanes, state, leave, rng, stamps);
    stop(STAGE_RESPOND, from);
}

struct proof __real_exchange(struct batch *, struct kinds, const struct keyring_view *,
                             struct rng *, struct exchange_work *);
struct proof __wrap_exchange(struct batch *, struct kinds, const struct keyring_view *,
                             struct rng *, struct exchange_work *);
struct proof __wrap_exchange(struct batch *batch, struct kinds requested,
                             const struct keyring_view *keys, struct rng *rng,
                             struct exchange_work *work)
{
    uint64_t kernel = watch != NULL ? watch[STAGE_KERNEL] : 0;
    uint64_t from = start();
    struct proof proof = __real_exchange(batch, requested, keys, rng, work);
    stop(STAGE_EXCHANGE, from);
    if (watch != NULL)
        watch[STAGE_EXCHANGE] -= watch[STAGE_KERNEL] - kernel;
    return proof;
}

void __real_refuse(struct batch *, lane_set);
void __wrap_refuse(struct batch *, lane_set);
void __wrap_refuse(struct batch *batch, lane_set doubted)
{
    uint64_t from = start();
    __real_refuse(batch, doubted);
    stop(STAGE_REFUSE, from);
}

lane_set __real_turn_round(struct batch *, lane_set);
lane_set __wrap_turn_round(struct batch *, lane_set);
lane_set __wrap_turn_round(struct batch *batch, lane_set lanes)
{
    uint64_t from = start();
    lane_set passed = __real_turn_round(batch, lanes);
    stop(STAGE_TURN_ROUND, from);
    return passed;
}

lane_set __real_port_rx(struct port *, struct burst *);
lane_set __wrap_port_rx(struct port *, struct burst *);
lane_set __wrap_port_rx(struct port *port, struct burst *burst)
{
    uint64_t from = start();
    lane_set all = __real_port_rx(port, burst);
    stop(STAGE_PORT, from);
    return all;
}

lane_set __real_port_tx(struct port *, struct burst *, lane_set);
lane_set __wrap_port_tx(struct port *, struct burst *, lane_set);
lane_set __wrap_port_tx(struct port *port, struct burst *burst, lane_set answer)
{
    uint64_t from = start();
    lane_set sent = __real_port_tx(port, burst, answer);
    stop(STAGE_PORT, from);
    return sent;
}

uint64_t __real_account(struct core_counters *, struct batch *, lane_set, struct kinds, lane_set,
                        lane_set, lane_set);
uint64_t __wrap_account(struct core_counters *, struct batch *, lane_set, struct kinds, lane_set,
                        lane_set, lane_set);
uint64_t __wrap_account(struct core_counters *counters, struct batch *batch, lane_set all,
                        struct kinds requested, lane_set doubted, lane_set answer, lane_set sent)
{
    uint64_t from = start();
    uint64_t sealed = __real_account(counters, batch, all, requested, doubted, answer, sent);
    stop(STAGE_ACCOUNT, from);
    return sealed;
}
