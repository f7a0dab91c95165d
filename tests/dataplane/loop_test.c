// What a polling thread does beside its cores' turns. loop.c is part of this file, so that a turn
// can be taken without a thread; its ports are one of memory.
#include "dataplane/loop.c"

#include "tests/dataplane/client.h"
#include "tests/dataplane/memory_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct port *port;
static struct board_control control;
static struct snapshot stamps, ntp_state;
static struct core_counters counters;
static struct loop *loop;

uint32_t ports_of_core(const struct ports *ports, uint32_t index, struct port *const **queues)
{
    (void)ports;
    (void)index;
    *queues = &port;
    return 1;
}

int ports_thread_enter(void)
{
    return 0;
}

void ports_thread_leave(void)
{
}

static const struct exchange_variant *any_variant(void)
{
    return exchange_variant_named("auto");
}

static int open_loop(void **state)
{
    (void)state;
    port = memory_port_open(NULL);
    struct loop_setup setup = {.control = &control,
                               .stamps = &stamps,
                               .ntp_state = &ntp_state,
                               .counters = &counters,
                               .variant = any_variant(),
                               .udp_port = 123};
    return loop_open(&setup, &loop);
}

static int close_loop(void **state)
{
    (void)state;
    loop_close(loop);
    memory_port_close(port);
    return 0;
}

// F24: a core's generator gets fresh seeds for as long as it runs, not only at its start.
static void every_seed_is_taken(void **state)
{
    (void)state;
    struct rng *rng = &loop->seat[0].core.rng;
    turn(loop);
    assert_false(rng_ready(rng));
    uint8_t before[sizeof rng->key];
    for (unsigned i = 0; i < 3; i++) {
        memcpy(before, rng->key, sizeof before);
        assert_int_equal(loop_reseed(loop), 0);
        turn(loop);
        assert_true(rng_ready(rng));
        assert_memory_not_equal(rng->key, before, sizeof before);
        memcpy(before, rng->key, sizeof before);
        turn(loop); // each once
        assert_memory_equal(rng->key, before, sizeof before);
    }
}

// CK-8: what control has retired leaves a core that has nothing to do.
static void an_idle_core_forgets_retired_keys(void **state)
{
    (void)state;
    struct keyring_record ring = client_ring(3, 1);
    uint64_t beat = counters.heartbeat;
    keyring_publish(&control.keyring, &ring);
    turn(loop);
    struct core *core = &loop->seat[0].core;
    uint8_t schedule[16];
    memcpy(schedule, core->keys.key[2].mac_schedule, sizeof schedule);
    assert_non_null(memmem(core, sizeof *core, schedule, sizeof schedule));
    ring = client_ring(2, 0);
    keyring_publish(&control.keyring, &ring);
    turn(loop);
    assert_null(memmem(core, sizeof *core, schedule, sizeof schedule));
    assert_int_equal(counters.heartbeat - beat, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_seed_is_taken, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(an_idle_core_forgets_retired_keys, open_loop, close_loop),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("dataplane/loop", tests, NULL, NULL);
}
