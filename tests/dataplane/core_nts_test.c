// NTS through a whole core over a port of memory: cookies, shapes, keys, sizes.
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

// RSP-3: 0 to 30 placeholders, in the clear or encrypted, get 1 to 8 cookies (CVE-2026-102483).
// RSP-4, RSP-6, RSP-8 are what client_open demands.
static void placeholders_become_cookies(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    uint64_t sealed = 0;
    for (unsigned n = 0; n <= 12; n++) {
        for (unsigned clear = 0; clear <= n; clear++) {
            struct request_shape shape = request_default;
            shape.n_placeholders = clear;
            shape.n_sealed_placeholders = n - clear;
            struct packet request = client_request(&client, &shape);
            if (request.len > 1450)
                continue;
            uint32_t len = rig_ask(rig, &request, reply);
            uint8_t cookies[8][100];
            int got = client_open(&client, &request, reply, len, cookies);
            assert_int_equal(got, n < 8 ? n + 1 : 8);
            sealed += (uint64_t)got;
        }
    }
    assert_int_equal(rig->counters.cookies_sealed, sealed);
    assert_int_equal(rig_count(rig, ANSWERED_NAK), 0);
    rig_close(rig);
}

// RSP-3, NTS-9: small "cookies" make hundreds of placeholders fit; none of them counts, nothing
// dies.
static void foreign_placeholders_do_not_count(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct request_shape shape = request_default;
    uint8_t cookies[8][100];
    for (uint32_t len = 12; len <= 140; len += 4) {
        shape.placeholder_len = len;
        for (unsigned sealed = 0; sealed < 2; sealed++) {
            shape.n_placeholders = sealed ? 0 : 3;
            shape.n_sealed_placeholders = sealed ? 3 : 0;
            struct packet request = client_request(&client, &shape);
            uint32_t got = rig_ask(rig, &request, reply);
            assert_int_equal(client_open(&client, &request, reply, got, cookies),
                             len == 100 ? 4 : 1);
        }
    }
    // A cookie of 16 octets, with 30 placeholders of its length: a NAK, no more.
    client.cookie_len = 16;
    shape = (struct request_shape){.n_placeholders = 28, .nonce_len = 16};
    struct packet request = client_request(&client, &shape);
    assert_true(client_is_nak(&client, &request, reply, rig_ask(rig, &request, reply)));
    rig_close(rig);
}

// NTS-5, NTS-4: nonces of any length, with the padding they need.
static void nonces_of_any_length_are_taken(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[2]);
    for (uint32_t len = 1; len <= 256; len += len < 34 ? 1 : 37) {
        uint32_t padded = (len + 3) / 4 * 4;
        struct request_shape shape = {.nonce_len = len, .more = padded < 16 ? 16 - padded : 0};
        struct packet request = client_request(&client, &shape);
        uint8_t cookies[8][100];
        assert_int_equal(
            client_open(&client, &request, reply, rig_ask(rig, &request, reply), cookies), 1);
        if (padded < 16) {
            shape.more -= 4;
            request = client_request(&client, &shape);
            assert_int_equal(rig_ask(rig, &request, reply), 0);
        }
    }
    assert_int_equal(rig_count(rig, DROPPED_NTS_LENGTHS), 12);
    assert_true(rig->counters.slow_path > 30);
    rig_close(rig);
}

// NTS-7: genuine requests with malformed encrypted fields end in silence, never in a NAK.
static void malformed_plaintext_is_silence(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[1]);
    struct packet plain[5] = {{.len = 0}};
    packet_fill(&plain[0], 0, 4);            // a field of no length
    packet_field(&plain[1], 0x0304, 0, 100); // cut short
    plain[1].len -= 4;
    packet_field(&plain[2], 0x0304, 0, 98);     // not in words
    packet_authenticator(&plain[3], 16, 16, 0); // nested
    packet_fill(&plain[4], 0x41, 3);            // no field at all
    for (unsigned i = 0; i < 5; i++) {
        struct request_shape shape = {.nonce_len = 16, .sealed = &plain[i]};
        struct packet request = client_request(&client, &shape);
        assert_int_equal(rig_ask(rig, &request, reply), 0);
        assert_int_equal(rig_count(rig, DROPPED_NTS_CONTENT), i + 1);
    }
    struct packet odd = {.len = 0}; // other fields, some of four octets, are legal
    packet_field(&odd, 0x4242, 0, 0);
    packet_field(&odd, 0x0304, 0xff, 100);
    packet_field(&odd, 0xf323, 0, 8);
    struct request_shape shape = {.nonce_len = 16, .sealed = &odd};
    struct packet request = client_request(&client, &shape);
    uint8_t cookies[8][100];
    assert_int_equal(client_open(&client, &request, reply, rig_ask(rig, &request, reply), cookies),
                     2);
    rig_close(rig);
}

// NAK-1, NTS-12, CK-3, CK-4, CVE-2023-33192: cookies of any length, of unknown keys, with bits
// wrong.
static void unreadable_cookies_get_a_nak(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    uint64_t naks = 0;
    for (uint32_t len = 12; len <= 256; len += 4) {
        struct client other = client;
        other.cookie_len = len;
        if (len == 100)
            other.cookie[60] ^= 1;
        struct packet request = client_request(&other, &request_default);
        uint32_t got = rig_ask(rig, &request, reply);
        assert_true(client_is_nak(&other, &request, reply, got));
        assert_int_equal(got, 84);
        assert_int_equal(rig_count(rig, ANSWERED_NAK), ++naks);
    }
    static const uint8_t ids[][4] = {{0}, {255, 255, 255, 255}, {0xa0, 0xb0, 0xc0, 0x01}};
    for (unsigned i = 0; i < 3; i++) {
        struct client other = client;
        memcpy(other.cookie, ids[i], 4);
        struct packet request = client_request(&other, &request_default);
        assert_true(client_is_nak(&other, &request, reply, rig_ask(rig, &request, reply)));
    }
    // The cookie of one key under the id of another.
    memcpy(client.cookie, client_new(1, &rig->ring.entry[1]).cookie, 4);
    struct packet request = client_request(&client, &request_default);
    assert_true(client_is_nak(&client, &request, reply, rig_ask(rig, &request, reply)));
    assert_int_equal(rig_count(rig, ANSWERED_NTS), 0);
    rig_close(rig);
}

// What a request's cookie and tag are, and the cause that its NAK counts under.
static struct packet bad_request(const struct rig *rig, enum nak_cause cause, bool usual)
{
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct request_shape shape = request_default;
    shape.n_sealed_placeholders = usual ? 0 : 1;
    if (cause == NAK_COOKIE_LENGTH)
        client.cookie_len = 96;
    if (cause == NAK_COOKIE_TAG)
        client.cookie[25] ^= 1;
    if (cause == NAK_UNKNOWN_KEY)
        client.cookie[0] ^= 1;
    struct packet request = client_request(&client, &shape);
    if (cause == NAK_REQUEST_TAG)
        request.at[24] ^= 1; // of the header, which lies under the tag
    return request;
}

static uint64_t naks(const struct rig *rig)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < NAK_CAUSES; i++)
        sum += atomic_load(&rig->counters.nak[i]);
    return sum;
}

// A NAK for an unknown key also counts by what the board says of the id, on both paths; without
// hints, and for other ids, it does not.
static void cookies_of_other_periods_are_counted(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    static struct snapshot hints;
    const uint32_t id = rig->ring.entry[0].id ^ UINT32_C(0x01000000); // of bad_request
    struct key_hints_record record = {.n = {2, 0}, .id = {{7, id}}};
    for (unsigned n = 0; n < 6; n++) {
        // Expired, future, neither, twice each.
        if (n == 0)
            rig->core.is.key_hints = &hints;
        if (n == 2)
            record = (struct key_hints_record){.n = {1, 2}, .id = {{7}, {8, id}}};
        if (n == 4)
            record = (struct key_hints_record){.n = {1, 1}, .id = {{7}, {8}}};
        snapshot_publish(&hints, &record, sizeof record);
        struct packet request = bad_request(rig, NAK_UNKNOWN_KEY, n % 2 == 0);
        assert_int_equal(rig_ask(rig, &request, reply), 84);
        assert_int_equal(atomic_load(&rig->counters.hint[KEY_HINT_EXPIRED]), n < 2 ? n + 1 : 2);
        assert_int_equal(atomic_load(&rig->counters.hint[KEY_HINT_FUTURE]), n < 2   ? 0
                                                                            : n < 4 ? n - 1
                                                                                    : 2);
    }
    record = (struct key_hints_record){.n = {1, 1}, .id = {{id}, {id}}};
    snapshot_publish(&hints, &record, sizeof record);
    rig->core.is.key_hints = NULL;
    struct packet unknown = bad_request(rig, NAK_UNKNOWN_KEY, true);
    assert_int_equal(rig_ask(rig, &unknown, reply), 84);
    assert_int_equal(atomic_load(&rig->counters.hint[KEY_HINT_EXPIRED]), 2);
    rig->core.is.key_hints = &hints;
    assert_int_equal(rig_ask(rig, &unknown, reply), 84);
    struct packet other = bad_request(rig, NAK_COOKIE_TAG, true);
    assert_int_equal(rig_ask(rig, &other, reply), 84);
    assert_int_equal(atomic_load(&rig->counters.hint[KEY_HINT_EXPIRED]), 3);
    assert_int_equal(atomic_load(&rig->counters.hint[KEY_HINT_FUTURE]), 2);
    assert_int_equal(atomic_load(&rig->counters.nak[NAK_UNKNOWN_KEY]), 8);
    rig_close(rig);
}

// NAK-1, P8: each NAK counts under its cause and no other, on the usual path and on the slow one,
// alone and in a burst of all kinds.
static void naks_are_counted_by_cause(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    for (unsigned n = 0; n < 2 * NAK_CAUSES; n++) {
        enum nak_cause cause = (enum nak_cause)(n / 2);
        uint64_t before = atomic_load(&rig->counters.nak[cause]);
        struct packet request = bad_request(rig, cause, n % 2 == 0);
        assert_int_equal(rig_ask(rig, &request, reply), 84);
        assert_int_equal(atomic_load(&rig->counters.nak[cause]), before + 1);
        assert_int_equal(naks(rig), n + 1);
        assert_int_equal(rig_count(rig, ANSWERED_NAK), n + 1);
    }

    // 8 of each kind, of which half are usual, 16 genuine, 16 without NTS.
    for (unsigned i = 0; i < LANES; i++) {
        struct client client = client_new(i, &rig->ring.entry[1]);
        struct packet ntp = i < 8 * NAK_CAUSES ? bad_request(rig, i % NAK_CAUSES, i / 4 % 2 == 0)
                                               : client_request(&client, &request_default);
        if (i >= 48)
            ntp.len = 48;
        struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    assert_true(core_turn(&rig->core));
    for (unsigned i = 0; i < NAK_CAUSES; i++)
        assert_int_equal(atomic_load(&rig->counters.nak[i]), 2 + 8);
    assert_int_equal(rig_count(rig, ANSWERED_NAK), 10 * NAK_CAUSES);
    assert_int_equal(rig_count(rig, ANSWERED_NTS), 16);
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), 16);
    rig_close(rig);
}

// CK-4, CK-5, F16: every key of the ring opens, the current one seals; a key that is gone is a NAK,
// and rotation under way costs nothing.
static void all_keys_of_the_ring_open(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    rig->ring = client_ring(KEYRING_KEYS, 0);
    for (unsigned current = 0; current < KEYRING_KEYS; current++) {
        rig->ring.current = current;
        rig_publish_keys(rig);
        for (unsigned i = 0; i < KEYRING_KEYS; i++) {
            struct client client = client_new(i, &rig->ring.entry[i]);
            struct packet request = client_request(&client, &request_default);
            uint8_t cookies[8][100];
            uint32_t len = rig_ask(rig, &request, reply);
            assert_int_equal(client_open(&client, &request, reply, len, cookies), 1);
            assert_int_equal(u32(cookies[0]), rig->ring.entry[current].id);
            memcpy(client.cookie, cookies[0], 100); // the fresh one works as well
            request = client_request(&client, &request_default);
            len = rig_ask(rig, &request, reply);
            assert_int_equal(client_open(&client, &request, reply, len, cookies), 1);
        }
    }
    struct client late = client_new(1, &rig->ring.entry[7]);
    rig->ring = client_ring(2, 0);
    rig_publish_keys(rig);
    struct packet request = client_request(&late, &request_default);
    assert_true(client_is_nak(&late, &request, reply, rig_ask(rig, &request, reply)));
    rig_close(rig);
}

// REPLAY-1, RSP-5: the same request twice gets two answers with nothing in common but the clear
// part and the key's id; 5,000 cookies are all distinct.
static void replays_get_fresh_answers(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct request_shape shape = request_default;
    shape.n_placeholders = 7;
    struct packet request = client_request(&client, &shape);
    enum { TURNS = 625 };
    static uint8_t cookies[TURNS][8][100];
    uint8_t last[16] = {0};
    unsigned ones = 0;
    for (unsigned i = 0; i < TURNS; i++) {
        uint32_t len = rig_ask(rig, &request, reply);
        assert_int_equal(client_open(&client, &request, reply, len, cookies[i]), 8);
        assert_memory_not_equal(reply + 92, last, 16); // the nonce
        memcpy(last, reply + 92, 16);
    }
    uint8_t(*flat)[100] = cookies[0];
    for (unsigned i = 0; i < TURNS * 8; i++) {
        assert_int_equal(u32(flat[i]), rig->ring.entry[1].id);
        assert_memory_not_equal(flat[i] + 4, client.cookie + 4, 96);
        for (unsigned j = 4; j < 100; j++)
            ones += (unsigned)__builtin_popcount(flat[i][j]);
        for (unsigned j = i + 1; j < TURNS * 8; j++)
            assert_true(memcmp(flat[i] + 4, flat[j] + 4, 8) != 0);
    }
    double share = ones / (TURNS * 8 * 96 * 8.0); // 3.84 million bits: sigma is 0.00026
    assert_true(share > 0.498 && share < 0.502);
    rig_close(rig);
}

// RSP-3, faults 2: what is secret or new never lies in the clear, in requests' keys or replies.
static void nothing_secret_is_in_the_clear(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(77, &rig->ring.entry[1]);
    struct request_shape shape = request_default;
    shape.n_placeholders = 3;
    struct packet request = client_request(&client, &shape);
    uint32_t len = rig_ask(rig, &request, reply);
    uint8_t cookies[8][100];
    assert_int_equal(client_open(&client, &request, reply, len, cookies), 4);
    for (uint32_t i = 0; i + 16 <= len; i++) {
        assert_memory_not_equal(reply + i, client.c2s, 16);
        assert_memory_not_equal(reply + i, client.s2c, 16);
        assert_memory_not_equal(reply + i, rig->ring.entry[1].secret, 16);
        assert_memory_not_equal(reply + i, cookies[0] + 4, 16);
        assert_memory_not_equal(reply + i, client.cookie + 4, 16);
    }
    rig_close(rig);
}

// RSP-9, sizes of section 16: AEAD 15 with cookies of 100 octets, and never more than 1232 with
// NTS.
static void sizes_are_as_listed(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct request_shape shape = request_default;
    struct packet request = client_request(&client, &shape);
    assert_int_equal(request.len, 228);
    assert_int_equal(rig_ask_in(rig, &frame_default_v6, &request, reply), 228);
    shape.n_placeholders = 7;
    request = client_request(&client, &shape);
    assert_int_equal(request.len, 956);
    assert_int_equal(rig_ask_in(rig, &frame_default_v6, &request, reply), 956);
    client.uid_len = 256;
    request = client_request(&client, &shape);
    assert_in_range(rig_ask_in(rig, &frame_default_v6, &request, reply), 956, 1232);
    rig_close(rig);
}

// Two cores that share a page of counters, as those of two queues do: each refused record counts
// once, and good ones between them count nothing.
static void refused_records_are_counted_once(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    static struct core other;
    core_open(&other, &rig->core.is);
    core_refresh(&rig->core);
    core_refresh(&other);
    uint64_t before = rig->counters.records_refused; // a clock that stands still is one
    for (unsigned n = 1; n <= 3; n++) {
        struct keyring_record bad = {.n = KEYRING_KEYS + 1};
        keyring_publish(&rig->keyring, &bad);
        core_refresh(&rig->core);
        core_refresh(&other);
        assert_int_equal(rig->counters.records_refused - before, 2 * n);
        rig_publish_keys(rig);
        core_refresh(&rig->core);
        core_refresh(&other);
        assert_int_equal(rig->counters.records_refused - before, 2 * n);
    }
    core_close(&other);
    rig_close(rig);
}

// CK-8: what control has retired is gone from an idle core too.
static void an_idle_core_forgets_retired_keys(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    core_refresh(&rig->core);
    uint8_t schedule[176];
    memcpy(schedule, rig->core.keys.key[2].mac_schedule, sizeof schedule);
    rig->ring = client_ring(2, 0);
    rig_publish_keys(rig);
    assert_false(core_turn(&rig->core));
    core_refresh(&rig->core);
    const uint8_t *core = (const uint8_t *)&rig->core;
    for (size_t i = 0; i + 16 <= sizeof rig->core; i++)
        assert_memory_not_equal(core + i, schedule, 16);
    rig_close(rig);
}

static bool core_has(const struct rig *rig, const uint8_t octets[16])
{
    return memmem(&rig->core, sizeof rig->core, octets, 16) != NULL;
}

// P6: a core that is closed holds no key any more, of ours or of a client.
static void a_closed_core_has_forgotten_all(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[1]);
    struct packet request = client_request(&client, &request_default);
    assert_int_not_equal(rig_ask(rig, &request, reply), 0);
    uint8_t schedule[16], pool[32];
    memcpy(schedule, rig->core.keys.key[1].mac_schedule, sizeof schedule);
    memcpy(pool, rig->core.rng.key, sizeof pool);
    assert_true(core_has(rig, schedule) && core_has(rig, pool) && core_has(rig, pool + 16));
    core_close(&rig->core);
    assert_false(core_has(rig, schedule) || core_has(rig, pool) || core_has(rig, pool + 16));
    assert_false(core_has(rig, client.c2s) || core_has(rig, client.s2c));
    rig_close(rig);
}

// A full burst is summed up in another way than a part of one.
static void a_full_burst_is_counted_like_its_packets(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    uint64_t received = 0, sent = 0, cookies = 0;
    for (unsigned i = 0; i < LANES; i++) {
        struct client client = client_new(i, &rig->ring.entry[1]);
        struct request_shape shape = request_default;
        shape.n_placeholders = i % 8;
        struct packet ntp = client_request(&client, &shape);
        struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
        received += frame.len;
        cookies += 1 + i % 8;
    }
    assert_true(core_turn(&rig->core));
    assert_int_equal(rig_count(rig, ANSWERED_NTS), LANES);
    for (uint32_t len; (len = memory_port_take(rig->port, reply, NULL)) > 0;)
        sent += len;
    assert_int_equal(rig->counters.octets_received, received);
    assert_int_equal(rig->counters.octets_sent, sent);
    assert_int_equal(rig->counters.cookies_sealed, cookies);
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_become_cookies),
        cmocka_unit_test(foreign_placeholders_do_not_count),
        cmocka_unit_test(nonces_of_any_length_are_taken),
        cmocka_unit_test(malformed_plaintext_is_silence),
        cmocka_unit_test(unreadable_cookies_get_a_nak),
        cmocka_unit_test(naks_are_counted_by_cause),
        cmocka_unit_test(cookies_of_other_periods_are_counted),
        cmocka_unit_test(refused_records_are_counted_once),
        cmocka_unit_test(all_keys_of_the_ring_open),
        cmocka_unit_test(replays_get_fresh_answers),
        cmocka_unit_test(nothing_secret_is_in_the_clear),
        cmocka_unit_test(sizes_are_as_listed),
        cmocka_unit_test(an_idle_core_forgets_retired_keys),
        cmocka_unit_test(a_closed_core_has_forgotten_all),
        cmocka_unit_test(a_full_burst_is_counted_like_its_packets),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
