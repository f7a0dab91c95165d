// A core's turn over a port of memory: what comes in, what goes out, and what is counted.
#include "base/bytes.h"
#include "tests/dataplane/policy_123.h"
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t reply[PACKET_MAX];

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void an_idle_turn_is_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    assert_false(core_turn(&rig->core));
    assert_int_equal(rig->counters.frames_received, 0);
    rig_close(rig);
}

// EF-8: a plain request over IPv4 and IPv6 with 0, 1 and 2 tags; rig_ask_in checks the frame.
static void plain_requests_are_answered(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    for (unsigned i = 0; i < 6; i++) {
        struct frame_shape shape = i % 2 ? frame_default_v6 : frame_default;
        shape.n_tags = i / 2;
        shape.tag_type[0] = 0x88a8;
        shape.tag_type[1] = 0x8100;
        struct packet ntp = packet_ntp(4, 3);
        assert_int_equal(rig_ask_in(rig, &shape, &ntp, reply), 48);
        assert_int_equal(reply[0], 4 << 3 | 4);
        assert_int_equal(reply[1], 1);
    }
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), 6);
    assert_int_equal(rig->counters.octets_sent, rig->counters.octets_received);
    rig_close(rig);
}

struct dropped {
    const char *rule;
    void (*spoil)(struct packet *frame);
    enum outcome end;
};

static void spoil_length(struct packet *f)
{
    f->len = 60;
}

static void spoil_oversize(struct packet *f)
{
    packet_fill(f, 0, FRAME_MAX + 1 - f->len);
}

static void spoil_ethertype(struct packet *f)
{
    f->at[13] = 6;
}

static void spoil_fragment(struct packet *f)
{
    f->at[20] = 0x20;
}

static void spoil_options(struct packet *f)
{
    f->at[14] = 0x46;
}

static void spoil_protocol(struct packet *f)
{
    f->at[23] = 6;
}

static void spoil_port(struct packet *f)
{
    f->at[37] = 124;
}

static void spoil_address(struct packet *f)
{
    f->at[33]++;
    frame_mend_ipv4(f);
}

static void spoil_mac(struct packet *f)
{
    memset(f->at, 0xff, 6);
}

static void spoil_source(struct packet *f)
{
    f->at[26] = 224;
    frame_mend_ipv4(f);
}

static void spoil_destination_mac(struct packet *f)
{
    f->at[5] ^= 1;
}

static void set_source(struct packet *f, const char *address)
{
    memcpy(f->at + 26, address, 4);
    frame_mend_ipv4(f);
}

static void spoil_source_loopback(struct packet *f)
{
    set_source(f, "\x7f\0\0\1");
}

static void spoil_source_reserved(struct packet *f)
{
    set_source(f, "\xf0\0\0\1");
}

static void spoil_source_network(struct packet *f)
{
    set_source(f, "\0\0\0\1");
}

static void spoil_source_same(struct packet *f) // the destination, as in a LAND attack
{
    set_source(f, "\xc6\x33\x64\x07");
}

static void spoil_source_own(struct packet *f)
{
    set_source(f, "\x0a\0\0\1");
}

static void spoil_checksum(struct packet *f)
{
    f->at[22]--;
}

static void spoil_source_port(struct packet *f)
{
    f->at[34] = f->at[35] = 0;
}

static void spoil_version(struct packet *f)
{
    f->at[42] = 5 << 3 | 3;
}

static void spoil_mode(struct packet *f)
{
    f->at[42] = 4 << 3 | 7;
}

static const struct dropped drops[] = {
    {"EF-8 truncated", spoil_length, DROPPED_RUNT},
    {"F20 jumbo", spoil_oversize, DROPPED_OVERSIZE},
    {"ARP", spoil_ethertype, DROPPED_NOT_IP},
    {"EF-8 fragment", spoil_fragment, DROPPED_FRAGMENT},
    {"EF-8 options", spoil_options, DROPPED_IP_OPTIONS},
    {"TCP", spoil_protocol, DROPPED_NOT_UDP},
    {"another port", spoil_port, DROPPED_NOT_NTP},
    {"another host", spoil_address, DROPPED_NOT_OURS},
    {"decision 12: broadcast", spoil_mac, DROPPED_GROUP},
    {"decision 12: multicast source", spoil_source, DROPPED_GROUP},
    {"another station's MAC", spoil_destination_mac, DROPPED_OTHER_MAC},
    {"source: loopback", spoil_source_loopback, DROPPED_SOURCE},
    {"source: 240/4", spoil_source_reserved, DROPPED_SOURCE},
    {"source: 0/8", spoil_source_network, DROPPED_SOURCE},
    {"source: the destination", spoil_source_same, DROPPED_SOURCE},
    {"source: another of our addresses", spoil_source_own, DROPPED_SOURCE},
    {"EF-8 header checksum", spoil_checksum, DROPPED_CHECKSUM},
    {"NTP-12 port 0", spoil_source_port, DROPPED_PORT_ZERO},
    {"NTP-2 version 5", spoil_version, DROPPED_VERSION},
    {"NTP-3 mode 7", spoil_mode, DROPPED_MODE},
};

// P8, F20: every frame that is not answered has its own counter, alone and in one burst.
static void every_drop_has_its_counter(void **state)
{
    (void)state;
    struct address_set ours = {
        .mac = UINT64_C(0x020000000002), .n_v4 = 2, .v4 = {{10, 0, 0, 1}, {198, 51, 100, 7}}};
    struct rig *rig = rig_open("auto", &ours);
    struct packet ntp = packet_ntp(4, 3);
    struct packet good = frame_around(&frame_default, ntp.at, ntp.len);
    uint64_t wanted[OUTCOMES] = {0};
    for (unsigned burst = 0; burst < 2; burst++) {
        for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
            struct packet frame = good;
            drops[i].spoil(&frame);
            assert_true(memory_port_push(rig->port, frame.at, frame.len));
            wanted[drops[i].end]++;
            if (burst == 0)
                assert_true(core_turn(&rig->core));
            if (burst == 0 && rig_count(rig, drops[i].end) != wanted[drops[i].end])
                fail_msg("%s", drops[i].rule);
        }
    }
    assert_true(memory_port_push(rig->port, good.at, 0)); // nothing at all
    wanted[DROPPED_RUNT]++;
    assert_true(memory_port_push(rig->port, good.at, good.len));
    wanted[ANSWERED_PLAIN]++;
    assert_true(core_turn(&rig->core));
    for (unsigned i = 0; i < OUTCOMES; i++)
        assert_int_equal(rig_count(rig, i), wanted[i]);
    assert_true(rig_sums_agree(rig));
    assert_int_not_equal(memory_port_take(rig->port, reply, NULL), 0);
    assert_int_equal(memory_port_take(rig->port, reply, NULL), 0);

    // The same for IPv6 addresses, and for its missing checksum.
    struct packet six = frame_around(&frame_default_v6, ntp.at, ntp.len);
    assert_true(memory_port_push(rig->port, six.at, six.len));
    assert_true(core_turn(&rig->core));
    assert_int_equal(rig_count(rig, DROPPED_NOT_OURS), wanted[DROPPED_NOT_OURS] + 1);
    ours.n_v6 = 1;
    memcpy(ours.v6[0], frame_default_v6.destination, 16);
    assert_int_equal(rig_ask_in(rig, &frame_default_v6, &ntp, reply), 48);
    six.at[60] = six.at[61] = 0;
    assert_true(memory_port_push(rig->port, six.at, six.len));
    assert_true(core_turn(&rig->core));
    assert_int_equal(rig_count(rig, DROPPED_CHECKSUM), wanted[DROPPED_CHECKSUM] + 1);

    // Its sources: IPv4-mapped, loopback, the server's own.
    static const uint8_t bad[][16] = {{[10] = 0xff, 0xff, 192, 0, 2, 1}, {[15] = 1}};
    for (unsigned i = 0; i < 3; i++) {
        struct frame_shape shape = frame_default_v6;
        memcpy(shape.source, i < 2 ? bad[i] : shape.destination, 16);
        six = frame_around(&shape, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, six.at, six.len));
        assert_true(core_turn(&rig->core));
        assert_int_equal(rig_count(rig, DROPPED_SOURCE), wanted[DROPPED_SOURCE] + 1 + i);
    }
    rig_close(rig);
}

// The host itself may ask where the kernel delivers: from loopback and from its own addresses. All
// else is as on a wire.
static void the_host_itself_may_ask_by_the_kernels_path(void **state)
{
    (void)state;
    const struct address_set ours = {.n_v4 = 1, .v4 = {{198, 51, 100, 7}}, .n_v6 = 1};
    struct address_set set = ours;
    memcpy(set.v6[0], frame_default_v6.destination, 16);
    static const struct {
        uint8_t source[16];
        bool v6, answered;
    } rows[] = {
        {{127, 0, 0, 1}, false, true}, {{198, 51, 100, 7}, false, true},
        {{10, 9, 8, 7}, false, true},  {{240, 0, 0, 1}, false, false},
        {{0, 0, 0, 1}, false, false},  {{[15] = 1}, true, true},
        {{[15] = 2}, true, false},     {{[10] = 0xff, 0xff, 192, 0, 2, 1}, true, false},
    };
    for (unsigned with = 0; with < 2; with++) { // with a list of addresses, and without
        struct rig *rig = rig_open("auto", with ? &set : NULL);
        struct packet ntp = packet_ntp(4, 3);
        rig->core.batch.burst.from_kernel = true;
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct frame_shape shape = rows[i].v6 ? frame_default_v6 : frame_default;
            memcpy(shape.source, rows[i].source, rows[i].v6 ? 16 : 4);
            const uint64_t before = rig_count(rig, DROPPED_SOURCE);
            assert_int_equal(rig_ask_in(rig, &shape, &ntp, reply), rows[i].answered ? 48 : 0);
            assert_int_equal(rig_count(rig, DROPPED_SOURCE) - before, !rows[i].answered);
        }
        struct frame_shape other = frame_default;
        other.destination[3] ^= 1;
        assert_int_equal(rig_ask_in(rig, &other, &ntp, reply), with ? 0 : 48);
        assert_true(rig_sums_agree(rig));
        rig_close(rig);
    }
}

// NTP-3, CVE-2009-3563: our own replies, reflected to us, end; also from ourselves at port 123.
static void reflected_replies_end(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct frame_shape self = frame_default;
    memcpy(self.source, self.destination, 4);
    self.source_port = 123;
    struct packet ntp = packet_ntp(4, 3);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct packet nts = client_request(&client, &request_default);
    for (unsigned i = 0; i < 2; i++) {
        struct packet frame =
            i ? frame_around(&self, nts.at, nts.len) : frame_around(&self, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
        assert_true(core_turn(&rig->core));
        uint8_t out[UINT16_MAX];
        uint32_t len = memory_port_take(rig->port, out, NULL);
        assert_int_not_equal(len, 0);
        assert_true(memory_port_push(rig->port, out, len));
        assert_true(core_turn(&rig->core));
        assert_int_equal(memory_port_take(rig->port, out, NULL), 0);
        assert_int_equal(rig_count(rig, DROPPED_MODE), i + 1);
    }
    rig_close(rig);
}

// NTP-12: the reply goes to the source port, whatever it is (rig_ask_in checks the whole frame's
// checksum; the ports are checked here).
static void any_source_port_is_answered(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    static const uint16_t ports[] = {1, 53, 123, 1024, 65535};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        struct frame_shape shape = frame_default;
        shape.source_port = ports[i];
        struct packet ntp = packet_ntp(4, 3);
        struct packet frame = frame_around(&shape, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
        assert_true(core_turn(&rig->core));
        uint8_t out[UINT16_MAX];
        assert_int_equal(memory_port_take(rig->port, out, NULL), frame.len);
        assert_int_equal(u32(out + 34), 123u << 16 | ports[i]);
    }
    rig_close(rig);
}

// F11: a queue that takes five replies; the others are counted, and the port gets every frame back.
static void a_full_queue_loses_the_rest(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    memory_port_limit(rig->port, 5);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct packet nts = client_request(&client, &request_default);
    struct packet ntp = packet_ntp(4, 3);
    for (unsigned i = 0; i < LANES; i++) {
        struct packet frame = i % 2 ? frame_around(&frame_default, nts.at, nts.len)
                                    : frame_around(&frame_default, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    assert_true(core_turn(&rig->core));
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN) + rig_count(rig, ANSWERED_NTS), 5);
    assert_int_equal(rig_count(rig, DROPPED_TX_FULL), 59);
    assert_true(rig_sums_agree(rig));
    rig_close(rig);
}

// Decision 12, F23: before keys and seed NTS is met with silence, before a clock all is; no NAK
// ever.
static void what_is_not_there_yet_is_silence(void **state)
{
    (void)state;
    struct rig *rig = rig_open_bare("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]), alien = client;
    alien.cookie[0] ^= 1;
    struct packet nts = client_request(&client, &request_default);
    struct packet bad = client_request(&alien, &request_default);
    struct packet ntp = packet_ntp(4, 3);

    assert_int_equal(rig_ask(rig, &ntp, reply), 0);
    assert_int_equal(rig_count(rig, DROPPED_NO_CLOCK), 1);
    rig_publish_state(rig);
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    assert_int_equal(rig_ask(rig, &nts, reply) + rig_ask(rig, &bad, reply), 0);
    assert_int_equal(rig_count(rig, DROPPED_NO_KEYS), 2);
    rig_publish_keys(rig);
    assert_int_equal(rig_ask(rig, &nts, reply) + rig_ask(rig, &bad, reply), 0); // no seed
    assert_int_equal(rig_count(rig, DROPPED_NO_KEYS), 4);
    assert_int_equal(rig_count(rig, ANSWERED_NAK), 0);
    rig_seed(rig);
    assert_int_equal(rig_ask(rig, &nts, reply), 228);
    assert_int_equal(rig_ask(rig, &bad, reply), 84);

    rig->state.serving = 0;
    rig_publish_state(rig);
    assert_int_equal(rig_ask(rig, &nts, reply) + rig_ask(rig, &ntp, reply), 0);
    rig->state.serving = 1;
    rig->state.leap = LEAP_UNKNOWN; // NTP-4
    rig_publish_state(rig);
    uint8_t cookies[8][100];
    assert_int_equal(client_open(&client, &nts, reply, rig_ask(rig, &nts, reply), cookies), 1);
    assert_int_equal(reply[0] >> 6, 3);
    assert_int_equal(reply[1], 0);
    rig_close(rig);
}

// F6, time.on_unhealthy: what would be marked is not answered at all, whichever way it is marked.
static void silence_while_the_clock_is_wrong(void **state)
{
    (void)state;
    static const struct policy silent = {.udp_port = 123, .silent_unless_synchronised = true};
    static const struct policy_place place = {.now = &silent};
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct packet nts = client_request(&client, &request_default);
    struct packet ntp = packet_ntp(4, 3);
    policy_take(&place, &rig->core.policy);
    rig->core.is.policy = &place;
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    assert_int_equal(rig_ask(rig, &nts, reply), 228);

    rig->state.leap = LEAP_UNKNOWN;
    rig_publish_state(rig);
    assert_int_equal(rig_ask(rig, &ntp, reply) + rig_ask(rig, &nts, reply), 0);
    rig->state.leap = LEAP_NONE;
    rig->state.root_dispersion = UINT32_C(16) << 16;
    rig_publish_state(rig);
    assert_int_equal(rig_ask(rig, &ntp, reply) + rig_ask(rig, &nts, reply), 0);
    assert_int_equal(rig_count(rig, DROPPED_UNHEALTHY), 4);
    rig->state.root_dispersion = 1;
    rig_publish_state(rig);
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);

    rig->state.jump_tsc = 1; // long ago
    rig_publish_state(rig);
    assert_int_equal(rig_ask(rig, &ntp, reply), 0);
    policy_take(&policy_123, &rig->core.policy);
    rig->core.is.policy = &policy_123;
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    assert_int_equal(reply[0] >> 6, 3); // as the others see it
    assert_int_equal(reply[1], 0);
    assert_int_equal(rig_count(rig, DROPPED_UNHEALTHY), 5);
    rig_close(rig);
}

// F29: the era ends on 2036-02-07 06:28:16 UTC. A reply across its end has a transmit timestamp in
// the new one, and never the 0 that means "unknown".
static void the_era_wraps_in_replies(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct packet ntp = packet_ntp(4, 3);
    const uint64_t end[] = {UINT64_MAX, 0, 1, UINT64_MAX - 1000};
    for (unsigned i = 0; i < sizeof end / sizeof end[0]; i++) {
        rig->state.line.utc_base = end[i];
        rig->state.reference_time = end[i] - (UINT64_C(5) << 32);
        rig_publish_state(rig);
        assert_int_equal(rig_ask(rig, &ntp, reply), 48);
        uint64_t receive = be64_get(reply + 32), transmit = be64_get(reply + 40);
        // A receive timestamp is rounded up, and moved on where it would be the last one again.
        assert_true((int64_t)(receive - end[i]) < 1 << 12 && (int64_t)(receive - end[i]) > -256);
        assert_true((int64_t)(transmit - receive) > 0 && transmit - receive < 1 << 12);
        assert_true(transmit != 0 && receive != 0);
        assert_true(be64_get(reply + 16) == rig->state.reference_time);
        assert_int_equal(reply[0] >> 6, 0);
    }
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_turn_is_nothing),
        cmocka_unit_test(plain_requests_are_answered),
        cmocka_unit_test(every_drop_has_its_counter),
        cmocka_unit_test(the_host_itself_may_ask_by_the_kernels_path),
        cmocka_unit_test(reflected_replies_end),
        cmocka_unit_test(any_source_port_is_answered),
        cmocka_unit_test(a_full_queue_loses_the_rest),
        cmocka_unit_test(what_is_not_there_yet_is_silence),
        cmocka_unit_test(silence_while_the_clock_is_wrong),
        cmocka_unit_test(the_era_wraps_in_replies),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
