// Interleaved mode over whole cores (RFC 9769): what a request gets, and what is remembered of its
// reply. Rules IL-1 to IL-10.
#include "tests/dataplane/rig.h"

#include "base/tsc.h"
#include "dataplane/clock/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LOG2 = 8, CORES = 2, HEADERS = 14 + 20 + 8 };

static uint8_t reply[PACKET_MAX];

// Two cores with tables for each.
struct world {
    struct tables tables;
    struct table_pair pair[CORES];
    void *memory[2 * CORES];
    struct rig *rig[CORES];
};

static uint64_t get64(const uint8_t *at)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

static void put64(uint8_t *at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (56 - 8 * i));
}

static struct table *open_table(struct world *world, unsigned i, struct table *table)
{
    world->memory[i] = aligned_alloc(64, table_len(LOG2));
    assert_non_null(world->memory[i]);
    memset(world->memory[i], 0, table_len(LOG2));
    table_open(table, world->memory[i], LOG2);
    return table;
}

// A clock that runs with the TSC, slowly: a tick is ten picoseconds of it. So a reply becomes stale
// after a third of a second in which a busy machine lets the test stand, and not after three
// milliseconds.
static void start_clock(struct rig *rig)
{
    rig->state.tsc_hz = 100 * (uint64_t)NS_PER_S;
    rig->state.line.rate = (uint64_t)((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4.294967296e-2);
    rig->state.line.tsc_base = tsc_now();
    rig->state.written_tsc = tsc_now();
    rig->state.precision = -31; // what happens within a microsecond is still told apart
    rig_publish_state(rig);
}

static struct world *open_world(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->tables.n_queues = CORES;
    for (unsigned i = 0; i < CORES; i++) {
        open_table(world, 2 * i, &world->pair[i].plain);
        open_table(world, 2 * i + 1, &world->pair[i].nts);
        world->tables.of[i] = &world->pair[i];
    }
    for (unsigned i = 0; i < CORES; i++) {
        struct rig *rig = world->rig[i] = rig_open("auto", NULL);
        interleave_open(&rig->core.interleave, &world->tables, i, &rig->core.receive_stamps);
        memory_port_exact(rig->port, true);
        start_clock(rig);
    }
    return world;
}

static void close_world(struct world *world)
{
    for (unsigned i = 0; i < CORES; i++)
        rig_close(world->rig[i]);
    for (unsigned i = 0; i < 2 * CORES; i++)
        free(world->memory[i]);
    free(world);
}

// Lets a core learn the departures that its port has to tell, or that they are lost.
static void learn(struct rig *rig, bool lost)
{
    memory_port_tell(rig->port, LANES, lost);
    core_turn(&rig->core);
}

// A client of interleaved mode: what it has of the last exchange.
struct peer {
    uint64_t receive; // the reply's receive timestamp
    uint64_t origin;  // the reply's origin timestamp
    uint64_t transmit;
    uint64_t sent; // the client's own transmit timestamp of the last request
    uint64_t own;  // its own receive timestamp of the last reply
};

static struct packet request_of(struct peer *peer)
{
    struct packet ntp = packet_ntp(4, 3);
    peer->sent += UINT64_C(0x100000001);
    peer->own += UINT64_C(0x100000003);
    put64(ntp.at + 24, peer->receive);
    put64(ntp.at + 32, peer->own);
    put64(ntp.at + 40, peer->sent);
    return ntp;
}

static void ask_with(struct rig *rig, struct peer *peer, const struct packet *ntp)
{
    assert_int_equal(rig_ask(rig, ntp, reply), 48);
    peer->origin = get64(reply + 24);
    peer->receive = get64(reply + 32);
    peer->transmit = get64(reply + 40);
    assert_true(peer->receive != peer->transmit); // IL-4
    assert_true((peer->receive & 1) == 1 && (peer->transmit & 1) == 0);
}

static void ask(struct rig *rig, struct peer *peer)
{
    struct packet ntp = request_of(peer);
    ask_with(rig, peer, &ntp);
}

static bool is_interleaved(const struct peer *peer)
{
    return peer->origin == peer->own;
}

static bool is_basic(const struct peer *peer)
{
    return peer->origin == peer->sent && (int64_t)(peer->transmit - peer->receive) > 0;
}

static struct peer new_peer(void)
{
    return (struct peer){.sent = UINT64_C(0xe811111122222222), .own = UINT64_C(0xe811111133333333)};
}

// A client whose next reply can be interleaved; *left is when its last reply left.
static struct peer warm_peer(struct rig *rig, ntp_time *left)
{
    struct peer peer = new_peer();
    ask(rig, &peer);
    assert_true(is_basic(&peer));
    ask(rig, &peer);
    assert_true(is_basic(&peer));
    *left = clock_utc(&rig->state.line, memory_port_exact_left(rig->port));
    learn(rig, false);
    return peer;
}

// IL-2: from the third exchange on, a reply has the departure of the reply before it, the arrival
// of its own request, and the request's receive timestamp as its origin. RSP-12: the departure is
// not later than the true one.
static void the_third_reply_is_interleaved(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    ntp_time left;
    struct peer peer = warm_peer(rig, &left);
    for (unsigned i = 0; i < 100; i++) {
        ntp_time before = peer.receive;
        rig->core.interleave.plain.empty = 0; // as if there were time between them
        ask(rig, &peer);
        assert_true(is_interleaved(&peer));
        assert_true(left - peer.transmit <= 2 + 5); // a granule of the precision
        assert_true((int64_t)(peer.receive - left) > 0 && (int64_t)(left - before) > 0);
        left = clock_utc(&rig->state.line, memory_port_exact_left(rig->port));
        learn(rig, false);
    }
    assert_int_equal(rig->counters.interleaved, 100);
    assert_int_equal(rig->counters.interleaved_basic, 1);
    assert_int_equal(rig->counters.departures_known, 101);
    assert_int_equal(rig->counters.departures_unasked, 0);
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), 102);
    close_world(world);
}

// A device's clock tells departures by its own line; without one they are lost (IL-9).
static void departures_by_a_device(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    const uint64_t offset = UINT64_C(1785000037) * NS_PER_S;
    const struct stamp_line line = {
        .stamp_base = rig->state.line.tsc_base + offset,
        .tsc_base = rig->state.line.tsc_base,
        .rate = UINT64_C(1) << STAMP_RATE_SHIFT, // a tick is a nanosecond here
        .until = rig->state.line.tsc_base + 60 * (uint64_t)NS_PER_S,
        .bound_ns = 10,
    };
    ntp_time left;
    memory_port_exact_by_device(rig->port, offset);
    struct peer peer = new_peer();
    ask(rig, &peer);
    ask(rig, &peer);
    learn(rig, false);
    assert_int_equal(rig->counters.departures_lost, 1);

    rig->core.own_clock.line = line;
    ask(rig, &peer);
    assert_true(is_basic(&peer));
    left = clock_utc(&rig->state.line, memory_port_exact_left(rig->port));
    learn(rig, false);
    ask(rig, &peer);
    assert_true(is_interleaved(&peer));
    // The bound is taken off, and a granule of the precision.
    assert_true(left - peer.transmit <= 128 + 12 * 5);
    assert_int_equal(rig->counters.departures_hardware, 1);
    assert_int_equal(rig->counters.departures_known, 1);
    close_world(world);
}

// IL-1: an interleaved reply needs version 4, a receive timestamp that differs from the transmit
// timestamp, and the origin of a saved one. Other requests get a basic reply, and take nothing.
static void only_who_asks_gets_it(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    ntp_time left;
    struct peer peer = warm_peer(rig, &left);
    const struct peer asked = peer;

    struct packet old = request_of(&peer);
    old.at[0] = 3 << 3 | 3;
    ask_with(rig, &peer, &old);
    assert_true(is_basic(&peer));

    peer = asked;
    struct packet same = request_of(&peer);
    memcpy(same.at + 32, same.at + 40, 8);
    ask_with(rig, &peer, &same);
    assert_true(is_basic(&peer));

    const uint64_t wrong[] = {0,
                              asked.receive + 4,
                              asked.receive ^ 1,
                              asked.transmit,
                              asked.receive ^ 2 /* another core's */,
                              1,
                              UINT64_MAX};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        peer = asked;
        peer.receive = wrong[i];
        ask(rig, &peer);
        assert_true(is_basic(&peer));
    }
    peer = asked;
    ask(rig, &peer);
    assert_true(is_interleaved(&peer));
    close_world(world);
}

// IL-3: the same request again gets a basic reply.
static void a_departure_is_told_once(void **state)
{
    (void)state;
    struct world *world = open_world();
    ntp_time left;
    struct peer peer = warm_peer(world->rig[0], &left);
    struct packet ntp = request_of(&peer);
    ask_with(world->rig[0], &peer, &ntp);
    assert_true(is_interleaved(&peer));
    learn(world->rig[0], false);
    ask_with(world->rig[0], &peer, &ntp);
    assert_true(is_basic(&peer));
    // Twice in one burst.
    struct packet next = request_of(&peer);
    learn(world->rig[0], false);
    struct packet frame = frame_around(&frame_default, next.at, next.len);
    for (unsigned i = 0; i < 2; i++)
        assert_true(memory_port_push(world->rig[0]->port, frame.at, frame.len));
    assert_true(core_turn(&world->rig[0]->core));
    unsigned n = 0;
    while (memory_port_take(world->rig[0]->port, reply, NULL) > 0)
        n += get64(reply + HEADERS + 24) == peer.own;
    assert_int_equal(n, 1);
    close_world(world);
}

// IL-7: the request may come from another port, and to another core, which finds what the first one
// has saved.
static void another_core_finds_it(void **state)
{
    (void)state;
    struct world *world = open_world();
    ntp_time left;
    struct peer peer = warm_peer(world->rig[0], &left);
    for (unsigned i = 1; i < 40; i++) {
        struct rig *rig = world->rig[i / 2 % CORES];
        struct frame_shape shape = frame_default;
        shape.source_port = (uint16_t)(1024 + 37 * i);
        struct packet ntp = request_of(&peer);
        assert_int_equal(rig_ask_in(rig, &shape, &ntp, reply), 48);
        peer.origin = get64(reply + 24);
        peer.receive = get64(reply + 32);
        assert_true(is_interleaved(&peer));
        assert_int_equal(peer.receive >> 1 & 1, i / 2 % CORES);
        learn(rig, false);
    }
    close_world(world);
}

// IL-9: a departure that is late, or lost, or that the port cannot tell, means a basic reply. No
// predicted departure is ever served in interleaved mode.
static void without_a_stamp_the_reply_is_basic(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    ntp_time left;
    struct peer peer = warm_peer(rig, &left);
    ask(rig, &peer);
    assert_true(is_interleaved(&peer));
    for (unsigned i = 0; i < 20; i++) { // late
        ask(rig, &peer);
        assert_true(is_basic(&peer));
    }
    for (unsigned i = 0; i < 20; i++) { // lost
        learn(rig, true);
        ask(rig, &peer);
        assert_true(is_basic(&peer));
    }
    assert_int_equal(rig->counters.departures_lost, 40);
    learn(rig, false);
    ask(rig, &peer);
    assert_true(is_interleaved(&peer));
    memory_port_exact(rig->port, false); // the port cannot
    for (unsigned i = 0; i < 20; i++) {
        learn(rig, false);
        ask(rig, &peer);
        assert_true(is_basic(&peer) || i == 0); // the first one tells of the one before
    }
    assert_int_equal(rig->counters.departures_unasked, 20);
    close_world(world);
}

// IL-10: after a step nothing is told that was saved before it, also when another core has saved
// it, nor what left before it and became known only afterwards.
static void a_step_voids_what_is_saved(void **state)
{
    (void)state;
    struct world *world = open_world();
    ntp_time left;
    for (unsigned late = 0; late < 2; late++) {
        for (unsigned other = 0; other < CORES; other++) {
            struct rig *rig = world->rig[0];
            struct peer peer = warm_peer(rig, &left);
            ask(rig, &peer);
            assert_true(is_interleaved(&peer));
            if (!late)
                learn(rig, false);
            for (unsigned i = 0; i < CORES; i++) {
                world->rig[i]->state.generation++;
                world->rig[i]->state.line.utc_base += UINT64_C(1) << 28;
                rig_publish_state(world->rig[i]);
                const struct stamp_line none = {0}; // news that the core takes
                snapshot_publish(&world->rig[i]->stamps, &none, sizeof none);
                core_refresh(&world->rig[i]->core);
            }
            if (late)
                learn(rig, false);
            ask(world->rig[other], &peer);
            assert_true(is_basic(&peer));
            learn(world->rig[other], false);
            ask(rig, &peer);
            assert_true(is_interleaved(&peer));
            learn(rig, false);
        }
    }
    close_world(world);
}

static struct packet nts_request(const struct client *client, struct peer *peer)
{
    struct packet ntp = request_of(peer);
    packet_field(&ntp, 0x0104, 0, client->uid_len);
    memcpy(ntp.at + ntp.len - client->uid_len, client->uid, client->uid_len);
    packet_field(&ntp, 0x0204, 0, client->cookie_len);
    memcpy(ntp.at + ntp.len - client->cookie_len, client->cookie, client->cookie_len);
    client_seal(client, &ntp, 16, NULL, 0, 0);
    return ntp;
}

static void ask_nts(struct rig *rig, const struct client *client, struct peer *peer)
{
    uint8_t cookies[8][100];
    struct packet ntp = nts_request(client, peer);
    uint32_t len = rig_ask(rig, &ntp, reply);
    peer->origin = get64(reply + 24);
    if (is_interleaved(peer)) // client_open compares the origin with the transmit timestamp
        memcpy(ntp.at + 40, ntp.at + 32, 8);
    assert_true(client_open(client, &ntp, reply, len, cookies) == 1);
    peer->receive = get64(reply + 32);
    peer->transmit = get64(reply + 40);
}

// IL-8: with NTS the departure is under the seal, and requests without NTS neither find nor push
// out what was saved of replies with NTS.
static void with_nts_it_is_sealed_and_apart(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct peer peer = new_peer();
    for (unsigned i = 0; i < 10; i++) {
        ask_nts(rig, &client, &peer);
        assert_true(i < 2 ? is_basic(&peer) : is_interleaved(&peer));
        learn(rig, false);
    }
    assert_int_equal(rig->counters.interleaved, 8);
    struct peer thief = peer;
    ask(rig, &thief);
    assert_true(is_basic(&thief));
    for (unsigned i = 0; i < 4 << LOG2; i++) {
        rig->core.interleave.plain.empty = 0;
        struct peer stranger = new_peer();
        stranger.receive = i * 2 + 1;
        ask(rig, &stranger);
        learn(rig, false);
    }
    assert_in_range(rig->counters.departures_known, 4 << LOG2, (4 << LOG2) + 20);
    ask_nts(rig, &client, &peer);
    assert_true(is_interleaved(&peer));
    close_world(world);
}

// A request that is not genuine gets a NAK as in basic mode, and nothing of its reply is saved.
static void a_nak_is_never_interleaved(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct peer peer = new_peer();
    for (unsigned i = 0; i < 3; i++) {
        ask_nts(rig, &client, &peer);
        learn(rig, false);
    }
    struct packet forged = nts_request(&client, &peer);
    forged.at[forged.len - 1] ^= 1;
    uint32_t len = rig_ask(rig, &forged, reply);
    assert_true(client_is_nak(&client, &forged, reply, len));
    assert_true(get64(reply + 24) == peer.sent);
    assert_true((int64_t)(get64(reply + 40) - get64(reply + 32)) > 0);
    uint64_t known = rig->counters.departures_known;
    learn(rig, false);
    assert_int_equal(rig->counters.departures_known, known);
    close_world(world);
}

// The departures of at most 16 replies of a burst are told, those with NTS first.
static void a_burst_has_a_cap(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct rig *rig = world->rig[0];
    struct client client = client_new(1, &rig->ring.entry[0]);
    for (unsigned i = 0; i < 24; i++) {
        struct peer peer = new_peer();
        peer.receive = 1000001;
        struct packet ntp = i >= 16 ? nts_request(&client, &peer) : request_of(&peer);
        struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    assert_true(core_turn(&rig->core));
    assert_int_equal(rig->core.batch.burst.exact, 0xff00ff);
    for (unsigned i = 0; i < 24; i++)
        assert_int_equal(rig->core.batch.burst.ticket[i] & 1, i >= 16);
    assert_int_equal(rig->counters.departures_unasked, 8);
    assert_int_equal(rig->counters.interleaved_basic, 24);
    close_world(world);
}

// The rate has a cap too, apart for those with NTS.
static void the_rate_has_a_cap(void **state)
{
    (void)state;
    struct interleave interleave = {0};
    static struct batch batch;
    static uint8_t octets[PACKET_MAX];
    batch.burst.reply[0] = batch.burst.reply[1] = octets;
    batch.burst.frame[0] = batch.burst.frame[1] = octets;
    batch.interleaved = 3;
    unsigned n[2] = {0};
    for (uint64_t ms = 0; ms < 1000; ms++) {
        for (unsigned i = 0; i < 100; i++) {
            uint64_t tsc = UINT64_C(1) << 40 | (ms * 1000000);
            interleave_choose(&interleave, &batch, 3, 1, tsc, NS_PER_S);
            n[0] += batch.burst.exact & 1;
            n[1] += batch.burst.exact >> 1 & 1;
        }
    }
    for (unsigned i = 0; i < 2; i++)
        assert_in_range(n[i], INTERLEAVE_RATE_MAX - 20,
                        INTERLEAVE_RATE_MAX + INTERLEAVE_BURST_MAX + 1);
}

// Without tables nothing is looked up or saved.
static void without_tables_all_is_basic(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    memory_port_exact(rig->port, true);
    start_clock(rig);
    struct peer peer = new_peer();
    for (unsigned i = 0; i < 5; i++) {
        ask(rig, &peer);
        assert_true(is_basic(&peer));
        assert_int_equal(rig->core.batch.burst.exact, 0);
        learn(rig, false);
    }
    assert_int_equal(rig->counters.interleaved_basic, 0);
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_third_reply_is_interleaved),
        cmocka_unit_test(departures_by_a_device),
        cmocka_unit_test(only_who_asks_gets_it),
        cmocka_unit_test(a_departure_is_told_once),
        cmocka_unit_test(another_core_finds_it),
        cmocka_unit_test(without_a_stamp_the_reply_is_basic),
        cmocka_unit_test(a_step_voids_what_is_saved),
        cmocka_unit_test(with_nts_it_is_sealed_and_apart),
        cmocka_unit_test(a_nak_is_never_interleaved),
        cmocka_unit_test(a_burst_has_a_cap),
        cmocka_unit_test(the_rate_has_a_cap),
        cmocka_unit_test(without_tables_all_is_basic),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
