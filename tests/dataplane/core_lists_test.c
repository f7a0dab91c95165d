// What a core answers at all: the lists of sources, and NTS alone; and who counts as a client. Over
// a port of memory.
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t reply[PACKET_MAX];

static struct policy now;
static struct policy_place place;

static void use(struct rig *rig, struct policy policy)
{
    now = policy;
    atomic_store(&place.now, &now);
    rig->core.is.policy = &place;
    policy_take(&place, &rig->core.policy);
}

static struct prefix prefix(const struct frame_shape *shape, uint8_t len)
{
    struct prefix p = {.ip_version = (uint8_t)shape->ip_version, .len = len};
    memcpy(p.octets, shape->source, shape->ip_version == 4 ? 4 : 16);
    return p;
}

// The same for both families: one host of an allowed network is denied, with NTS and without.
static void denied_sources_get_no_reply(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet plain = packet_ntp(4, 3);
    const struct packet nts = client_request(&client, &request_default);
    const struct frame_shape *shapes[] = {&frame_default, &frame_default_v6};
    const struct prefix allow[] = {prefix(shapes[0], 24), prefix(shapes[1], 64)};
    const struct prefix deny[] = {prefix(shapes[0], 32), prefix(shapes[1], 128)};
    struct prefixes *sources = prefixes_make(allow, 2, deny, 2);
    use(rig, (struct policy){.udp_port = 123, .sources = sources});

    for (unsigned i = 0; i < 2; i++) {
        struct frame_shape shape = *shapes[i];
        const unsigned last = shape.ip_version == 4 ? 3 : 15;
        assert_int_equal(rig_ask_in(rig, &shape, &plain, reply), 0);
        assert_int_equal(rig_ask_in(rig, &shape, &nts, reply), 0);
        assert_int_equal(rig_count(rig, DROPPED_DENIED), 3 * i + 2);
        shape.n_tags = 1;
        shape.tag_type[0] = 0x8100;
        shape.source[last] ^= 2; // its neighbour
        assert_int_equal(rig_ask_in(rig, &shape, &plain, reply), 48);
        assert_int_equal(rig_ask_in(rig, &shape, &nts, reply), 228);
        shape.source[1] ^= 1; // elsewhere: in neither list
        assert_int_equal(rig_ask_in(rig, &shape, &plain, reply), 0);
        assert_int_equal(rig_count(rig, DROPPED_DENIED), 3 * i + 3);
    }
    // Without a set all are answered.
    use(rig, (struct policy){.udp_port = 123});
    assert_int_equal(rig_ask(rig, &plain, reply), 48);
    assert_int_equal(rig_count(rig, DROPPED_DENIED), 6);
    prefixes_free(sources);
    rig_close(rig);
}

// Each lane of a burst is judged by its own source.
static void a_burst_is_divided(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    const struct packet plain = packet_ntp(4, 3);
    const struct prefix allow[] = {prefix(&frame_default, 0), prefix(&frame_default_v6, 0)};
    struct prefix deny = prefix(&frame_default, 31);
    struct prefixes *sources = prefixes_make(allow, 2, &deny, 1); // .0 and .1
    use(rig, (struct policy){.udp_port = 123, .sources = sources});

    for (unsigned i = 0; i < LANES; i++) {
        struct frame_shape shape = i % 8 == 7 ? frame_default_v6 : frame_default;
        if (shape.ip_version == 4)
            shape.source[3] = (uint8_t)(i % 4);
        const struct packet frame = frame_around(&shape, plain.at, plain.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    assert_true(core_turn(&rig->core));
    assert_true(rig_sums_agree(rig));
    assert_int_equal(rig_count(rig, DROPPED_DENIED), LANES / 2);
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), LANES / 2);
    uint8_t out[UINT16_MAX];
    uint64_t which;
    for (unsigned i = 0; i < LANES / 2; i++) {
        assert_true(memory_port_take(rig->port, out, &which) > 0);
        assert_true(which % 4 >= 2);
    }
    prefixes_free(sources);
    rig_close(rig);
}

// What the kernel delivers is judged likewise, this host's own requests too.
static void the_kernels_path_is_judged_too(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    const struct packet plain = packet_ntp(4, 3);
    struct frame_shape shape = frame_default;
    const struct prefix allow = prefix(&frame_default, 24);
    struct prefixes *sources = prefixes_make(&allow, 1, NULL, 0);
    use(rig, (struct policy){.udp_port = 123, .sources = sources});
    rig->core.batch.burst.from_kernel = true;
    assert_int_equal(rig_ask_in(rig, &shape, &plain, reply), 48);
    memcpy(shape.source, (const uint8_t[]){127, 0, 0, 1}, 4);
    assert_int_equal(rig_ask_in(rig, &shape, &plain, reply), 0);
    assert_int_equal(rig_count(rig, DROPPED_DENIED), 1);
    prefixes_free(sources);
    rig_close(rig);
}

// nts_only: an NTS request that cannot be opened still gets its NAK, so that its client asks
// NTS-KE.
static void plain_requests_end_where_nts_is_demanded(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet plain = packet_ntp(4, 3), old = packet_ntp(3, 3);
    struct packet field = plain; // a plain request with a field that nobody knows
    packet_field(&field, 0x7f00, 0, 24);
    const struct packet nts = client_request(&client, &request_default);
    client.cookie[0] ^= 1; // the key's id
    const struct packet unknown = client_request(&client, &request_default);
    use(rig, (struct policy){.udp_port = 123, .nts_only = true});

    assert_int_equal(rig_ask(rig, &plain, reply), 0);
    assert_int_equal(rig_ask(rig, &old, reply), 0);
    assert_int_equal(rig_ask(rig, &field, reply), 0);
    assert_int_equal(rig_count(rig, DROPPED_PLAIN), 3);
    assert_int_equal(rig_ask(rig, &nts, reply), 228);
    assert_true(client_is_nak(&client, &unknown, reply, rig_ask(rig, &unknown, reply)));
    assert_int_equal(rig_count(rig, ANSWERED_NTS), 1);
    assert_int_equal(rig_count(rig, ANSWERED_NAK), 1);
    use(rig, (struct policy){.udp_port = 123});
    assert_int_equal(rig_ask(rig, &plain, reply), 48);
    rig_close(rig);
}

// nts_port: NTS alone, over both families, with tags and without; 123 is as it was. The reply
// leaves from the port that was asked.
static void a_second_port_answers_nts_alone(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet plain = packet_ntp(4, 3);
    const struct packet nts = client_request(&client, &request_default);
    struct frame_shape shapes[] = {frame_default, frame_default, frame_default_v6};
    shapes[1].n_tags = 1;
    shapes[1].tag_type[0] = 0x8100;
    use(rig, (struct policy){.udp_port = 123, .nts_port = 4123});

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rig_ask_in(rig, &shapes[i], &plain, reply), 48);
        assert_int_equal(rig_ask_in(rig, &shapes[i], &nts, reply), 228);
        assert_int_equal(rig->counters.to_nts_port, 2 * i);
        shapes[i].destination_port = 4123;
        assert_int_equal(rig_ask_in(rig, &shapes[i], &plain, reply), 0);
        assert_int_equal(rig_ask_in(rig, &shapes[i], &nts, reply), 228);
        assert_int_equal(rig->counters.to_nts_port, 2 * i + 2);
        assert_int_equal(rig_count(rig, DROPPED_PLAIN), i + 1);
    }
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), 3);
    assert_int_equal(rig_count(rig, ANSWERED_NTS), 6);
    shapes[0].destination_port = 4124;
    assert_int_equal(rig_ask_in(rig, &shapes[0], &nts, reply), 0);
    // Without the setting neither that port is served nor port 0.
    use(rig, (struct policy){.udp_port = 123});
    shapes[0].destination_port = 4123;
    assert_int_equal(rig_ask_in(rig, &shapes[0], &nts, reply), 0);
    shapes[0].destination_port = 0;
    assert_int_equal(rig_ask_in(rig, &shapes[0], &nts, reply), 0);
    assert_int_equal(rig_count(rig, DROPPED_NOT_NTP), 3);
    assert_int_equal(rig->counters.to_nts_port, 6);
    rig_close(rig);
}

// A burst of both ports: each lane by its own.
static void a_burst_for_both_ports_is_divided(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet plain = packet_ntp(4, 3);
    const struct packet nts = client_request(&client, &request_default);
    use(rig, (struct policy){.udp_port = 123, .nts_port = 4123});
    for (unsigned i = 0; i < LANES; i++) {
        struct frame_shape shape = frame_default;
        shape.destination_port = i % 2 != 0 ? 4123 : 123;
        const struct packet *asks = i / 2 % 2 != 0 ? &nts : &plain;
        const struct packet frame = frame_around(&shape, asks->at, asks->len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    assert_true(core_turn(&rig->core));
    assert_true(rig_sums_agree(rig));
    assert_int_equal(rig_count(rig, DROPPED_PLAIN), LANES / 4);
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), LANES / 4);
    assert_int_equal(rig_count(rig, ANSWERED_NTS), LANES / 2);
    assert_int_equal(rig->counters.to_nts_port, LANES / 2);
    uint8_t out[UINT16_MAX];
    uint64_t which;
    unsigned from[2] = {0};
    for (unsigned i = 0; i < 3 * LANES / 4; i++) {
        const uint32_t len = memory_port_take(rig->port, out, &which);
        assert_true(len > 0);
        const bool second = which % 2 != 0;
        assert_int_equal(out[34] << 8 | out[35], second ? 4123 : 123);
        from[second]++;
    }
    assert_int_equal(from[1], LANES / 4);
    rig_close(rig);
}

// A client is an IPv4 address or an IPv6 /64 whose requests are in order; what is silent is none.
static void clients_are_counted(void **state)
{
    (void)state;
    static struct unique_windows windows = {.key = {1, 2}, .window = 1};
    static struct unique_counter counter = {.windows = &windows};
    static uint8_t rank[UNIQUE_REGISTERS];
    struct rig *rig = rig_open("auto", NULL);
    rig->core.is.clients = &counter;
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet plain = packet_ntp(4, 3), bad = packet_ntp(4, 4);
    const struct packet nts = client_request(&client, &request_default);
    struct frame_shape v4 = frame_default, v6 = frame_default_v6;
    const struct prefix deny = prefix(&frame_default, 32);
    const struct prefix all[] = {prefix(&frame_default, 0), prefix(&frame_default_v6, 0)};
    struct prefixes *sources = prefixes_make(all, 2, &deny, 1);
    use(rig, (struct policy){.udp_port = 123, .sources = sources});

    assert_int_equal(rig_ask_in(rig, &v4, &plain, reply), 0); // denied
    v4.source[3] = 100;
    assert_int_equal(rig_ask_in(rig, &v4, &bad, reply), 0);
    unique_take(&counter, 1, rank);
    assert_int_equal(unique_estimate(rank), 0);
    for (unsigned i = 0; i < 3; i++, v4.source[3]++) {
        assert_int_equal(rig_ask_in(rig, &v4, &plain, reply), 48);
        assert_int_equal(rig_ask_in(rig, &v4, &nts, reply), 228);
        v6.source[15]++;
        assert_int_equal(rig_ask_in(rig, &v6, &plain, reply), 48);
    }
    unique_take(&counter, 1, rank);
    assert_int_equal(unique_estimate(rank), 3 + 1);
    v6.source[7]++;
    assert_int_equal(rig_ask_in(rig, &v6, &nts, reply), 228);
    unique_take(&counter, 1, rank);
    assert_int_equal(unique_estimate(rank), 3 + 2);
    prefixes_free(sources);
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denied_sources_get_no_reply),
        cmocka_unit_test(a_burst_is_divided),
        cmocka_unit_test(the_kernels_path_is_judged_too),
        cmocka_unit_test(plain_requests_end_where_nts_is_demanded),
        cmocka_unit_test(a_second_port_answers_nts_alone),
        cmocka_unit_test(a_burst_for_both_ports_is_divided),
        cmocka_unit_test(clients_are_counted),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
