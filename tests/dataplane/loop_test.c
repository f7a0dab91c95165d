// The work of a polling thread besides its cores' turns. loop.c is part of this file, so that a
// turn can be taken without a thread; its ports are of memory, one a loop.
#include "dataplane/loop.c"

#include "base/now.h"
#include "tests/dataplane/client.h"
#include "tests/dataplane/memory_port.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LOOPS = 2 };

static struct port *port[LOOPS];
static struct board_control control;
static struct snapshot stamps, ntp_state;
static struct core_counters counters[LOOPS];
static struct policy_place policy;
static struct loop *loops[LOOPS];
static struct loop *loop; // the first one

// What a core does with its ports, swapped at the link: a request to UDP port 123 comes with each
// burst while they are fed, and a core is held up in the middle of its turn, when the policy is in
// its hands, while held names its port.
static atomic_bool feeding;
static _Atomic(struct port *) held; // writer: the test; reader: the polling threads
static atomic_bool is_held;         // the other way round

int ports_thread_enter(void)
{
    return 0;
}

void ports_thread_leave(void)
{
}

static const struct exchange_variant *any_variant(void)
{
    return exchange_variant_named(AEAD_SIV_CMAC_256, "auto");
}

static void publish_port(uint16_t udp_port)
{
    // With a set of sources: it ends with its policy.
    const struct prefix all = {.ip_version = 4};
    const struct policy made = {.udp_port = udp_port, .sources = prefixes_make(&all, 1, NULL, 0)};
    assert_non_null(made.sources);
    struct policy_entry *entry = policy_prepare(&made);
    assert_non_null(entry);
    policy_publish(&policy, entry);
}

static int open_loops(enum loop_idle idle, int descriptor)
{
    publish_port(123);
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    uint32_t cpu = 0;
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    memset(counters, 0, sizeof counters);
    for (uint32_t i = 0; i < LOOPS; i++) {
        port[i] = memory_port_open(NULL);
        memory_port_descriptor(port[i], descriptor);
        struct loop_setup setup = {.control = &control,
                                   .queues = &port[i],
                                   .n_queues = 1,
                                   .cpu = idle == LOOP_PAUSES ? LOOP_NO_CPU : (int)cpu,
                                   .stamps = &stamps,
                                   .ntp_state = &ntp_state,
                                   .counters = &counters[i],
                                   .kernels = {{any_variant()}},
                                   .policy = &policy,
                                   .idle = idle};
        if (loop_open(&setup, &loops[i]) != 0)
            return -1;
    }
    loop = loops[0];
    return 0;
}

static int open_loop(void **state)
{
    (void)state;
    return open_loops(LOOP_POLLS, -1);
}

enum { READABLE = 77 }; // a descriptor's number

static int open_sleeper(void **state)
{
    (void)state;
    return open_loops(LOOP_SLEEPS, READABLE);
}

static int open_pauser(void **state)
{
    (void)state;
    return open_loops(LOOP_PAUSES, READABLE);
}

static int open_gatherer(void **state)
{
    (void)state;
    return open_loops(LOOP_GATHERS, READABLE);
}

static int close_loop(void **state)
{
    (void)state;
    atomic_store(&feeding, false);
    atomic_store(&held, NULL);
    for (uint32_t i = 0; i < LOOPS; i++) {
        loop_stop(loops[i]); // for a test that has failed
        loop_close(loops[i]);
        memory_port_close(port[i]);
    }
    policy_close(&policy);
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
    uint64_t beat = counters[0].heartbeat;
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
    assert_int_equal(counters[0].heartbeat - beat, 2);
}

lane_set __real_port_rx(struct port *p, struct burst *burst);
lane_set __wrap_port_rx(struct port *p, struct burst *burst);
lane_set __wrap_port_rx(struct port *p, struct burst *burst)
{
    if (atomic_load(&feeding)) {
        struct packet ntp = packet_ntp(4, 3);
        struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
        memory_port_push(p, frame.at, frame.len);
    }
    return __real_port_rx(p, burst);
}

void __real_port_drop(struct port *p, struct burst *burst, lane_set drop);
void __wrap_port_drop(struct port *p, struct burst *burst, lane_set drop);
void __wrap_port_drop(struct port *p, struct burst *burst, lane_set drop)
{
    while (atomic_load(&held) == p) {
        atomic_store(&is_held, true);
        sched_yield();
    }
    __real_port_drop(p, burst, drop);
}

static void start_loops(void)
{
    for (uint32_t i = 0; i < LOOPS; i++)
        assert_int_equal(loop_start(loops[i]), 0);
}

static void await_turns(uint32_t i, uint64_t n)
{
    uint64_t until = atomic_load(&counters[i].heartbeat) + n;
    while (atomic_load(&counters[i].heartbeat) < until)
        sched_yield();
}

// As housekeeping does it; are there old ones still?
static bool old_ones_stay(void)
{
    loop_free_policies(&policy, loops, LOOPS);
    return policy_has_old(&policy);
}

static void await_freed(void)
{
    for (uint64_t end = now_ns() + 20000 * (uint64_t)NOW_NS_PER_MS; old_ones_stay(); sched_yield())
        assert_true(now_ns() < end);
}

// The next burst is read under the new policy.
static void a_policy_is_taken_with_the_next_burst(void **state)
{
    (void)state;
    atomic_store(&feeding, true);
    turn(loop);
    assert_int_equal(counters[0].outcome[DROPPED_NOT_NTP], 0);
    publish_port(8123);
    turn(loop);
    atomic_store(&feeding, false);
    assert_int_equal(counters[0].outcome[DROPPED_NOT_NTP], 1);
    assert_int_equal(counters[0].frames_received, 2);
}

// Each of the cores keeps the old ones alive until it has turned, an idle one too.
static void an_old_policy_stays_until_each_core_has_turned(void **state)
{
    (void)state;
    assert_false(old_ones_stay()); // the first one is not old
    publish_port(8123);
    publish_port(8124);
    assert_true(old_ones_stay());
    turn(loops[0]);
    assert_true(old_ones_stay());
    turn(loops[1]);
    assert_false(old_ones_stay());
    assert_int_equal(atomic_load(&policy.now)->udp_port, 8124);
}

// The same over threads, of which one has no packets and one is held up with the old policy in its
// hands.
static void a_core_that_is_held_up_keeps_the_old_policy(void **state)
{
    (void)state;
    start_loops();
    publish_port(8123);
    await_freed(); // both are idle

    atomic_store(&held, port[0]);
    atomic_store(&feeding, true);
    while (!atomic_load(&is_held))
        sched_yield();
    publish_port(8124);
    for (unsigned i = 0; i < 100; i++) {
        await_turns(1, 10);
        assert_true(old_ones_stay());
    }
    atomic_store(&held, NULL);
    await_freed();
}

// One publication after the other under packets: each frame was read under one of them. What a core
// reads after it was freed is seen by the address sanitizer, and by the thread sanitizer.
static void policies_change_under_load(void **state)
{
    (void)state;
    atomic_store(&feeding, true);
    start_loops();
    for (unsigned i = 0; i < 250; i++) {
        publish_port(i % 2 == 0 ? 8123 : 123);
        await_turns(i % LOOPS, 1);
        if (i % 5 == 4) // both cores get to hold either of the two
            await_freed();
    }
    for (uint32_t i = 0; i < LOOPS; i++)
        loop_stop(loops[i]);
    for (uint32_t i = 0; i < LOOPS; i++) {
        uint64_t elsewhere = counters[i].outcome[DROPPED_NOT_NTP];
        assert_true(elsewhere > 0 && elsewhere < counters[i].frames_received);
        assert_int_equal(elsewhere + counters[i].outcome[DROPPED_NO_CLOCK],
                         counters[i].frames_received);
    }
}

static unsigned sleeps;

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    assert_int_equal(n, 1);
    assert_int_equal(fds->fd, READABLE);
    assert_int_equal(fds->events, POLLIN);
    assert_int_equal(timeout, LOOP_REST_MS);
    sleeps++;
    return 0;
}

// It looks for a while before each sleep, but once only while nothing has come since the last one.
static void an_idle_core_sleeps(void **state)
{
    (void)state;
    assert_non_null(loop->wait);
    sleeps = 0;
    for (unsigned round = 0; round < 3; round++) {
        rest(loop, true);
        for (unsigned i = 1; i < LOOP_EMPTY_TURNS; i++)
            rest(loop, turn(loop));
        assert_int_equal(sleeps, 3 * round);
        for (unsigned i = 0; i < 3; i++)
            rest(loop, turn(loop));
        assert_int_equal(sleeps, 3 * round + 3);
        atomic_store(&feeding, true);
        assert_true(turn(loop));
        atomic_store(&feeding, false);
    }
}

static unsigned pauses;

int __wrap_nanosleep(const struct timespec *span, struct timespec *rest_of_it);
int __wrap_nanosleep(const struct timespec *span, struct timespec *rest_of_it)
{
    (void)rest_of_it;
    assert_int_equal(span->tv_sec, 0);
    const bool gathers = loop->is.idle == LOOP_GATHERS;
    assert_int_equal(span->tv_nsec, (gathers ? LOOP_GATHER_US : LOOP_PAUSE_US) * 1000);
    pauses++;
    return 0;
}

// The thread of the kernel's path does not poll, and a flood leaves it no more than a burst a
// pause.
static void one_that_pauses_takes_little_of_a_cpu(void **state)
{
    (void)state;
    assert_string_equal(loop_name(loop), "kernel path");
    sleeps = pauses = 0;
    for (unsigned i = 1; i < 4; i++) {
        rest(loop, turn(loop));
        assert_int_equal(sleeps, i);
    }
    atomic_store(&feeding, true);
    for (unsigned i = 1; i < 4; i++) {
        rest(loop, turn(loop));
        assert_int_equal(pauses, i);
    }
    atomic_store(&feeding, false);
    assert_int_equal(sleeps, 3);
    rest(loop, turn(loop));
    assert_int_equal(sleeps, 4);
    assert_int_equal(pauses, 3);
}

// The loop of ports that are sockets: requests that come close to each other share a turn.
static void one_that_gathers_pauses_between_bursts(void **state)
{
    (void)state;
    const uint64_t near = LOOP_NEAR_US * 1000;
    uint64_t now = 2 * near;
    atomic_store(&feeding, true);
    assert_true(turn(loop));
    assert_int_equal(pause_us(loop, true, now), 0); // none came before
    assert_int_equal(pause_us(loop, true, now += near), LOOP_GATHER_US);
    assert_int_equal(pause_us(loop, true, now += near), LOOP_GATHER_US);
    assert_int_equal(pause_us(loop, true, now += near + 1), 0);
    assert_int_equal(pause_us(loop, true, now + 1), LOOP_GATHER_US);

    sleeps = pauses = 0; // it does pause, on a machine that is late too
    for (const uint64_t end = now_ns() + 20000 * (uint64_t)NOW_NS_PER_MS; pauses == 0;) {
        assert_true(now_ns() < end);
        rest(loop, turn(loop));
    }
    assert_int_equal(sleeps, 0);
    atomic_store(&feeding, false);
    for (unsigned i = 1; i < 4; i++) {
        rest(loop, turn(loop));
        assert_int_equal(sleeps, i);
    }
}

// What a flood has left in the socket does not wait.
static void one_that_gathers_does_not_pause_over_a_rest(void **state)
{
    (void)state;
    const struct packet ntp = packet_ntp(4, 3);
    const struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
    for (unsigned i = 0; i < LANES + 1; i++)
        memory_port_push(port[0], frame.at, frame.len);
    loop->found_ns = 1;
    assert_true(turn(loop));
    assert_int_equal(pause_us(loop, true, 2), 0);
    assert_true(turn(loop));
    assert_int_equal(pause_us(loop, true, 3), LOOP_GATHER_US);
}

static void one_that_nobody_wakes_polls(void **state)
{
    (void)state;
    assert_null(loop->wait); // it is not to sleep
    close_loop(NULL);
    assert_int_equal(open_loops(LOOP_SLEEPS, -1), 0); // or its port cannot wake it
    assert_null(loop->wait);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_seed_is_taken, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(an_idle_core_forgets_retired_keys, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(an_idle_core_sleeps, open_sleeper, close_loop),
        cmocka_unit_test_setup_teardown(one_that_pauses_takes_little_of_a_cpu, open_pauser,
                                        close_loop),
        cmocka_unit_test_setup_teardown(one_that_gathers_pauses_between_bursts, open_gatherer,
                                        close_loop),
        cmocka_unit_test_setup_teardown(one_that_gathers_does_not_pause_over_a_rest, open_gatherer,
                                        close_loop),
        cmocka_unit_test_setup_teardown(one_that_nobody_wakes_polls, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(a_policy_is_taken_with_the_next_burst, open_loop,
                                        close_loop),
        cmocka_unit_test_setup_teardown(an_old_policy_stays_until_each_core_has_turned, open_loop,
                                        close_loop),
        cmocka_unit_test_setup_teardown(a_core_that_is_held_up_keeps_the_old_policy, open_loop,
                                        close_loop),
        cmocka_unit_test_setup_teardown(policies_change_under_load, open_loop, close_loop),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("dataplane/loop", tests, NULL, NULL);
}
