// Which way replies leave a port: those whose departure is to be told, and the others. port.c is
// part of this file; the two ways are made up.
#include "dataplane/port/port.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

// The calls of both ways, in order: lanes, and the time at which they left.
static struct {
    lane_set usual[4];
    uint64_t not_before[4];
    unsigned n_usual;
    lane_set dropped;
    unsigned n_exact, room, fails_at;
    uint64_t ticket[LANES];
    uint64_t left[LANES];
    bool usual_was_first;
} seen;

static lane_set usual_tx(struct port *port, struct burst *burst, lane_set answer)
{
    (void)port;
    seen.usual_was_first |= seen.n_exact == 0;
    seen.not_before[seen.n_usual] = burst->not_before;
    seen.usual[seen.n_usual++] = answer;
    return answer;
}

static void usual_drop(struct port *port, struct burst *burst, lane_set drop)
{
    (void)port;
    (void)burst;
    seen.dropped |= drop;
}

unsigned exact_room(const struct exact *exact)
{
    (void)exact;
    return seen.room;
}

bool exact_send(struct exact *exact, const uint8_t *frame, uint32_t len, uint64_t ticket)
{
    (void)exact;
    assert_int_equal(frame[0], ticket & 0xff); // its own reply
    assert_int_equal(len, 100 + (ticket & 0xff));
    if (seen.n_exact == seen.fails_at)
        return false;
    seen.left[seen.n_exact] = tsc_now();
    seen.ticket[seen.n_exact++] = ticket;
    return true;
}

unsigned exact_departures(struct exact *exact, struct port_departure *out, unsigned most)
{
    (void)exact;
    out->ticket = 7;
    return most;
}

static const struct port_calls calls = {.tx = usual_tx, .drop = usual_drop};
static uint8_t octets[LANES];

static struct burst *fresh(struct port *port, bool exact)
{
    static struct burst burst;
    memset(&seen, 0, sizeof seen);
    seen.room = LANES;
    seen.fails_at = LANES;
    *port = (struct port){.calls = &calls, .exact = exact ? (struct exact *)octets : NULL};
    for (unsigned i = 0; i < LANES; i++) {
        octets[i] = (uint8_t)i;
        burst.reply[i] = &octets[i];
        burst.reply_len[i] = (uint16_t)(100 + i);
        burst.ticket[i] = 0x1000 + i;
    }
    burst.not_before = tsc_now();
    burst.pace = 2000;
    burst.exact = 0xf8;
    return &burst;
}

// RSP-12, IL-9: the others leave first, held back so that none is earlier than it says. The exact
// ones wait for their own times. Each lane goes one way, and its buffers come back.
static void both_ways_are_used(void **state)
{
    (void)state;
    struct port port;
    struct burst *burst = fresh(&port, true);
    const uint64_t not_before = burst->not_before;
    const lane_set answer = 0x3f3; // lanes 4 to 7 are exact, lane 3 has no reply
    assert_true(port_tx(&port, burst, answer) == answer);
    assert_true(burst->exact == 0xf0 && seen.dropped == 0xf0);
    assert_int_equal(seen.n_usual, 1);
    assert_true(seen.usual[0] == 0x303 && seen.usual_was_first);
    assert_true(seen.not_before[0] == not_before + 4 * burst->pace);
    assert_true(burst->not_before == not_before);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(seen.ticket[i], 0x1004 + i);
        assert_true(seen.left[i] >= not_before + (2 + i) * burst->pace); // behind lanes 0 and 1
    }
    assert_int_equal(seen.n_exact, 4);
}

static void all_may_be_exact(void **state)
{
    (void)state;
    struct port port;
    struct burst *burst = fresh(&port, true);
    burst->tx_ready = 0;
    uint64_t before = tsc_now();
    assert_true(port_tx(&port, burst, 0x30) == 0x30);
    assert_true(burst->exact == 0x30 && seen.n_usual == 0);
    assert_true(burst->tx_ready >= before); // composing is learned from it
}

// Without that way, or beyond its room, replies go the usual way, and nobody waits for a departure.
static void without_room_the_usual_way_is_taken(void **state)
{
    (void)state;
    struct port port;
    struct burst *burst = fresh(&port, false);
    struct port_departure out;
    assert_true(port_tx(&port, burst, 0xff) == 0xff);
    assert_true(burst->exact == 0 && seen.usual[0] == 0xff && seen.n_usual == 1);
    assert_int_equal(port_departures(&port, &out, 1), 0);

    burst = fresh(&port, true);
    seen.room = 2;
    assert_true(port_tx(&port, burst, 0xff) == 0xff);
    assert_true(burst->exact == 0x18 && seen.usual[0] == 0xe7);
    assert_int_equal(port_departures(&port, &out, 1), 1);

    burst = fresh(&port, true);
    seen.room = 0;
    assert_true(port_tx(&port, burst, 0xff) == 0xff);
    assert_true(burst->exact == 0 && seen.usual[0] == 0xff && seen.n_usual == 1);
}

// F8: what the kernel does not take goes the usual way; no reply is lost.
static void what_is_refused_goes_the_usual_way(void **state)
{
    (void)state;
    struct port port;
    struct burst *burst = fresh(&port, true);
    seen.fails_at = 2;
    assert_true(port_tx(&port, burst, 0xff) == 0xff);
    assert_true(burst->exact == 0x18 && seen.dropped == 0x18);
    assert_int_equal(seen.n_usual, 2);
    assert_true(seen.usual[0] == 0x07 && seen.usual[1] == 0xe0);
}

// A port's own way has the place of the packet socket, until its stamps are not believed. What was
// sent by it before is still told.
static unsigned own_room(const struct port *port)
{
    (void)port;
    return 2;
}

static bool own_send(struct port *port, struct burst *burst, unsigned lane)
{
    (void)port;
    seen.left[seen.n_exact] = tsc_now();
    seen.ticket[seen.n_exact++] = burst->ticket[lane];
    return true;
}

static unsigned own_departures(struct port *port, struct port_departure *out, unsigned most)
{
    (void)port;
    (void)most;
    out->ticket = 9;
    return 1;
}

static void its_own_way_comes_first(void **state)
{
    (void)state;
    static const struct port_calls own = {.tx = usual_tx,
                                          .drop = usual_drop,
                                          .room = own_room,
                                          .send = own_send,
                                          .departures = own_departures};
    struct port port;
    struct port_departure out[2];
    struct burst *burst = fresh(&port, true);
    port.calls = &own;
    port.tells = true;
    const uint64_t not_before = burst->not_before;
    assert_true(port_tx(&port, burst, 0xff) == 0xff);
    assert_true(burst->exact == 0x18 && seen.usual[0] == 0xe7 && seen.dropped == 0);
    assert_int_equal(seen.n_exact, 2);
    assert_true(seen.left[0] >= not_before + 3 * burst->pace && seen.ticket[1] == 0x1004);
    assert_int_equal(port_departures(&port, out, 2), 2); // the second one by the packet socket
    assert_int_equal(out[0].ticket, 9);
    assert_int_equal(out[1].ticket, 7);
    assert_int_equal(port_departures(&port, out, 1), 1);

    port_departed(&port, PORT_DOUBTED_MAX, 0);
    seen.n_exact = seen.n_usual = 0;
    burst->exact = 0xf8;
    assert_true(port_tx(&port, burst, 0xff) == 0xff);
    assert_true(burst->exact == 0xf8 && seen.dropped == 0xf8 && seen.n_exact == 5);
    assert_int_equal(port_departures(&port, out, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_used),
        cmocka_unit_test(all_may_be_exact),
        cmocka_unit_test(without_room_the_usual_way_is_taken),
        cmocka_unit_test(what_is_refused_goes_the_usual_way),
        cmocka_unit_test(its_own_way_comes_first),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
