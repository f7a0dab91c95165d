// Frames whose departure the kernel tells: on the loopback device of a network namespace of its
// own, which stamps as other devices do. exact.c is part of this file, so that stamps can be made
// to vanish. Rule IL-9.
#include "dataplane/port/xdp/exact.c"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { LOOPBACK = 1 };

static const uint8_t frame[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};

static void set_link(bool up)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

static int open_lo(void **state)
{
    set_link(true);
    return exact_open(LOOPBACK, EXACT_HARDWARE, (struct exact **)state);
}

static int close_lo(void **state)
{
    exact_close(*state);
    return 0;
}

static bool send_one(struct exact *exact, uint64_t ticket)
{
    return exact_send(exact, frame, sizeof frame, ticket);
}

// All that is told of n frames, as far as it comes within half a minute.
static unsigned take(struct exact *exact, struct port_departure *out, unsigned n)
{
    unsigned got = 0;
    for (uint64_t end = now_ns() + 30 * (uint64_t)NS_PER_S; got < n && now_ns() < end;)
        got += exact_departures(exact, out + got, n - got);
    return got;
}

// Each departure comes once, with its own ticket, and lies between the two ends of the send call.
static void departures_are_told(void **state)
{
    struct exact *exact = *state;
    struct port_departure out[20];
    exact->base = exact->first = exact->next = UINT32_MAX - 30; // the numbers begin anew on the way
    for (unsigned round = 0; round < 30; round++) {
        struct moments before = read_clocks();
        for (unsigned i = 0; i < 20; i++)
            assert_true(send_one(exact, 1000 * round + i));
        struct moments after = read_clocks();
        assert_int_equal(take(exact, out, 20), 20);
        assert_int_equal(exact_departures(exact, out, 20), 0);
        for (unsigned i = 0; i < 20; i++) {
            assert_true(out[i].known);
            assert_int_equal(out[i].ticket, 1000 * round + i);
            // By the time stamp counter alone, whatever its rate: a share of the time since then.
            uint64_t ticks = out[i].tsc - before.tsc;
            assert_true((int64_t)(out[i].tsc - after.tsc) > 0 && ticks > 0);
            assert_true(i == 0 || out[i].tsc != out[i - 1].tsc ||
                        out[i].before_ns <= out[i - 1].before_ns);
        }
        assert_int_equal(exact_room(exact), EXACT_PENDING_MAX);
    }
}

// A core that had no CPU for a while reads all that has come meanwhile before it gives anything up.
static void late_stamps_are_read(void **state)
{
    struct exact *exact = *state;
    struct port_departure out[EXACT_PENDING_MAX];
    for (unsigned i = 0; i < EXACT_PENDING_MAX; i++)
        assert_true(send_one(exact, i));
    usleep(2 * EXACT_LOST_MS * 1000);
    assert_int_equal(take(exact, out, EXACT_PENDING_MAX), EXACT_PENDING_MAX);
    for (unsigned i = 0; i < EXACT_PENDING_MAX; i++)
        assert_true(out[i].known && out[i].ticket == i);
}

// IL-9: a stamp that never comes is reported, once, after a while; what comes after it is told.
static void lost_stamps_are_given_up(void **state)
{
    struct exact *exact = *state;
    struct port_departure out[EXACT_PENDING_MAX + 1];
    const int off = 0;
    assert_int_equal(setsockopt(exact->fd, SOL_SOCKET, SO_TIMESTAMPING, &off, sizeof off), 0);
    for (unsigned i = 0; i < EXACT_PENDING_MAX; i++)
        assert_true(send_one(exact, i));
    assert_int_equal(exact_room(exact), 0); // no more is promised than can be remembered
    uint64_t began = now_ns();
    assert_int_equal(take(exact, out, EXACT_PENDING_MAX), EXACT_PENDING_MAX);
    assert_true(now_ns() - began > 10 * MS_NS);
    for (unsigned i = 0; i < EXACT_PENDING_MAX; i++)
        assert_true(!out[i].known && out[i].ticket == i);
    assert_int_equal(exact_room(exact), EXACT_PENDING_MAX);

    exact->base = exact->next;
    assert_int_equal(number_from_0(exact), 0);
    assert_true(send_one(exact, 77));
    assert_int_equal(take(exact, out, 1), 1);
    assert_true(out[0].known && out[0].ticket == 77);
}

// IL-9: nobody asks any more once all departures are told, so then all places are free.
static void the_last_stamp_frees_the_last_place(void **state)
{
    struct exact *exact = *state;
    struct port_departure out[READ_MAX];
    static_assert(EXACT_PENDING_MAX % READ_MAX == 0, "each call below is full");
    for (unsigned i = 0; i < EXACT_PENDING_MAX; i++)
        assert_true(send_one(exact, i));
    assert_int_equal(exact_room(exact), 0);
    for (unsigned got = 0; got < EXACT_PENDING_MAX; got += READ_MAX)
        assert_int_equal(take(exact, out, READ_MAX), READ_MAX);
    assert_int_equal(exact_room(exact), EXACT_PENDING_MAX);
}

// When the kernel refuses a frame, frames go the other way for a second. After that the stamps
// still belong to their frames.
static void a_refused_frame_closes_the_way(void **state)
{
    struct exact *exact = *state;
    struct port_departure out[4];
    assert_true(send_one(exact, 1));
    assert_true(send_one(exact, 2));
    // As if the kernel had counted a frame that it did not take.
    assert_int_equal(sendto(exact->fd, frame, sizeof frame, 0, NULL, 0), sizeof frame);
    set_link(false);
    assert_false(send_one(exact, 3));
    assert_int_equal(exact_room(exact), 0);
    assert_int_equal(take(exact, out, 2), 2);
    for (unsigned i = 0; i < 2; i++)
        assert_true(!out[i].known && out[i].ticket == 1 + i);
    set_link(true);
    exact->closed_ns = now_ns() - 1; // the second is over
    assert_int_equal(exact_room(exact), EXACT_PENDING_MAX);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(send_one(exact, 100 + i));
        assert_int_equal(take(exact, out, 1), 1);
        assert_int_equal(out[0].ticket, 100 + i);
        // Stamps of the old numbers may have been in the queue.
        assert_true(out[0].known || i < 2);
    }
}

// IL-10: a stamp that is later than now, or earlier than the frame, says that CLOCK_REALTIME was
// stepped in between, or that it belongs to another frame.
static void impossible_stamps_are_refused(void **state)
{
    (void)state;
    const struct pending pending = {.ticket = 5, .began_ns = 1000000};
    const struct moments now = {.tsc = 9, .monotonic_ns = 1005000, .realtime_ns = 7000000};
    static const struct {
        int64_t stamp_ns;
        bool known;
    } cases[] = {{7000000, true}, {6995000, true}, {7000001, false}, {6994999, false},
                 {0, false},      {-1, false},     {1, false},       {INT64_MAX, false}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct stamp stamp = {.realtime_ns = cases[i].stamp_ns};
        struct port_departure got = departure_of(&pending, &stamp, &now);
        assert_int_equal(got.known, cases[i].known);
        assert_int_equal(got.ticket, 5);
        if (got.known)
            assert_int_equal(got.before_ns, 7000000 - cases[i].stamp_ns);
    }
}

// A message of the error queue with a device's stamp, as the kernel writes it.
static void the_stamp_of_a_device(void **state)
{
    (void)state;
    struct control control = {0};
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    const struct scm_timestamping times = {.ts[2] = {.tv_sec = 1785000037, .tv_nsec = 123456789}};
    const struct pending pending = {.ticket = 5, .began_ns = 1000000, .began_tsc = 77};
    const struct moments now = {.tsc = 99, .monotonic_ns = 1005000, .realtime_ns = 7000000};
    *c = (struct cmsghdr){CMSG_LEN(sizeof times), SOL_SOCKET, SCM_TIMESTAMPING};
    memcpy(CMSG_DATA(c), &times, sizeof times);
    const struct stamp stamp = stamp_of(&message);
    assert_int_equal(stamp.device_ns, INT64_C(1785000037123456789));
    assert_int_equal(stamp.realtime_ns, 0);
    const struct port_departure got = departure_by_device(&pending, &stamp, &now);
    assert_true(got.known && got.hardware);
    assert_int_equal(got.ticket, 5);
    assert_int_equal(got.stamp, UINT64_C(1785000037123456789));
    assert_int_equal(got.began, 77);
    assert_int_equal(got.tsc, 99);
}

// `lo` has no clock: the kernel stamps.
static void a_device_without_a_clock(void **state)
{
    assert_false(exact_is_hardware(*state));
}

static void there_must_be_an_interface(void **state)
{
    struct exact *exact;
    (void)state;
    assert_true(exact_open(4711, EXACT_SOFTWARE, &exact) < 0);
    exact_close(NULL);
}

int main(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        printf("1..0 # SKIP needs root, for a network namespace\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(departures_are_told, open_lo, close_lo),
        cmocka_unit_test_setup_teardown(late_stamps_are_read, open_lo, close_lo),
        cmocka_unit_test_setup_teardown(lost_stamps_are_given_up, open_lo, close_lo),
        cmocka_unit_test_setup_teardown(the_last_stamp_frees_the_last_place, open_lo, close_lo),
        cmocka_unit_test_setup_teardown(a_refused_frame_closes_the_way, open_lo, close_lo),
        cmocka_unit_test(impossible_stamps_are_refused),
        cmocka_unit_test(the_stamp_of_a_device),
        cmocka_unit_test_setup_teardown(a_device_without_a_clock, open_lo, close_lo),
        cmocka_unit_test(there_must_be_an_interface),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
