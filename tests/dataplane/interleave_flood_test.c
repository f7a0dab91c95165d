// A flood of spoofed requests that ask for interleaved mode, each with another origin that no reply
// ever had, some of them with NTS that is not genuine: memory stays as it is, and clients with NTS
// lose no interleaved reply. Rules IL-8, P8.
//
//   interleave_flood_test [REQUESTS]      20,000 unless given; the long form is 10,000,000
#include "tests/dataplane/rig.h"

#include "base/bytes.h"
#include "base/tsc.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    CLIENTS = 8,
    LOG2 = 10,         // buckets: the flood fills the table of those without NTS many times
    SLACK = 16384,     // octets that malloc itself may keep: less than one a spoofed request
    BURSTS_A_POLL = 8, // of the flood, between two requests of the clients
};

static unsigned long requests = 20000;

struct peer {
    struct client client;
    uint64_t receive; // of the last reply
    uint64_t sent;
};

static struct flood {
    struct tables tables;
    struct table_pair pair;
    void *memory[2];
    struct rig *rig;
    struct peer peer[CLIENTS];
    uint64_t random;
    unsigned long interleaved; // replies to the clients
} w;

static uint64_t random_word(void)
{
    w.random ^= w.random << 13;
    w.random ^= w.random >> 7;
    w.random ^= w.random << 17;
    return w.random;
}

static void open_table(unsigned i, struct table *table)
{
    w.memory[i] = aligned_alloc(64, table_len(LOG2));
    assert_non_null(w.memory[i]);
    memset(w.memory[i], 0, table_len(LOG2));
    table_open(table, w.memory[i], LOG2);
}

static int open_flood(void **state)
{
    (void)state;
    w = (struct flood){.random = 88172645463325252U, .tables = {.n_queues = 1}};
    open_table(0, &w.pair.plain);
    open_table(1, &w.pair.nts);
    w.tables.of[0] = &w.pair;
    struct rig *rig = w.rig = rig_open("auto", NULL);
    interleave_open(&rig->core.interleave, &w.tables, 0, &rig->core.receive_stamps);
    memory_port_exact(rig->port, true);
    // So fast that no reply is stale however long the machine is busy. The line has a rate of its
    // own.
    rig->state.tsc_hz = 1000 * (uint64_t)NS_PER_S;
    rig->state.line.rate = (uint64_t)((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4.294967296);
    rig->state.line.tsc_base = rig->state.written_tsc = tsc_now();
    rig->state.precision = -25;
    rig_publish_state(rig);
    for (unsigned i = 0; i < CLIENTS; i++)
        w.peer[i].client = client_new(i, &rig->ring.entry[0]);
    return 0;
}

static int close_flood(void **state)
{
    (void)state;
    rig_close(w.rig);
    free(w.memory[0]);
    free(w.memory[1]);
    return 0;
}

// A request that asks: the origin is odd, receive and transmit timestamp differ.
static struct packet asking(uint64_t origin, uint64_t own)
{
    struct packet ntp = packet_ntp(4, 3);
    be64_put(ntp.at + 24, origin);
    be64_put(ntp.at + 32, own + 1);
    be64_put(ntp.at + 40, own);
    return ntp;
}

static void add_nts(struct packet *ntp, const struct client *client)
{
    packet_field(ntp, 0x0104, 0, client->uid_len);
    memcpy(ntp->at + ntp->len - client->uid_len, client->uid, client->uid_len);
    packet_field(ntp, 0x0204, 0, client->cookie_len);
    memcpy(ntp->at + ntp->len - client->cookie_len, client->cookie, client->cookie_len);
    client_seal(client, ntp, 16, NULL, 0, 0);
}

// What the port has to tell is remembered at the next turn.
static void learn(void)
{
    memory_port_tell(w.rig->port, LANES, false);
    core_turn(&w.rig->core);
}

static void take_replies(void)
{
    static uint8_t frame[PACKET_MAX];
    while (memory_port_take(w.rig->port, frame, NULL) != 0)
        ;
}

// One in eight has a genuine cookie and a seal that is not.
static void flood(void)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct frame_shape shape = frame_default;
        struct packet ntp = asking(random_word() | 1, random_word());
        if (i % 8 == 0) {
            add_nts(&ntp, &w.peer[0].client);
            ntp.at[ntp.len - 1] ^= 1;
        }
        be64_put(shape.source, random_word()); // the first 4 octets count
        struct packet frame = frame_around(&shape, ntp.at, ntp.len);
        assert_true(memory_port_push(w.rig->port, frame.at, frame.len));
    }
    w.rig->core.interleave.plain.empty = 0; // as if the rate had no cap
    assert_true(core_turn(&w.rig->core));
    take_replies();
    learn();
}

static void poll_all(bool first)
{
    static uint8_t reply[PACKET_MAX];
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct peer *peer = &w.peer[i];
        const uint64_t own = peer->sent += UINT64_C(0x100000002);
        struct packet ntp = asking(peer->receive | 1, own);
        add_nts(&ntp, &peer->client);
        w.rig->core.interleave.nts.empty = 0; // polls come seconds apart
        assert_true(rig_ask(w.rig, &ntp, reply) > 48);
        const bool interleaved = be64_get(reply + 24) == own + 1;
        assert_true(interleaved == !first);
        w.interleaved += interleaved;
        peer->receive = be64_get(reply + 32);
        learn();
    }
}

static void clients_lose_nothing(void **state)
{
    (void)state;
    poll_all(true);
    poll_all(false);
    flood(); // the first burst warms malloc up
    const size_t before = mallinfo2().uordblks;
    unsigned long asked = 0;
    unsigned long polls = 0;
    for (; asked < requests; polls++) {
        for (unsigned i = 0; i < BURSTS_A_POLL; i++, asked += LANES)
            flood();
        poll_all(false);
    }
    assert_in_range(mallinfo2().uordblks, 0, before + SLACK);
    assert_int_equal(w.interleaved, (polls + 1) * CLIENTS);
    assert_int_equal(w.rig->counters.interleaved, w.interleaved); // the flood got none
    assert_true(w.rig->counters.departures_known > asked / LANES * 14);
    assert_true(rig_sums_agree(w.rig));
    print_message("# %lu spoofed requests, %lu interleaved replies to %u clients, none lost\n",
                  asked, w.interleaved, (unsigned)CLIENTS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_lose_nothing, open_flood, close_flood),
    };
    if (rig_skips())
        return 0;
    if (argc > 1)
        requests = strtoul(argv[1], NULL, 10);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
