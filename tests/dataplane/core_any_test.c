// Properties of a core for any input: sizes, sums, and that every octet sent was written.
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

// CVE-2012-4503: two runs that differ in nothing but what the reply buffers held before.
static void no_octet_is_left_unwritten(void **state)
{
    (void)state;
    static const uint8_t poison[2] = {0xa5, 0x5a};
    static uint8_t out[2][80][PACKET_MAX];
    uint32_t len[2][80] = {{0}};
    for (unsigned run = 0; run < 2; run++) {
        struct rig *rig = rig_open("auto", NULL);
        memory_port_poison(rig->port, poison[run]);
        for (unsigned i = 0; i < 80; i++) {
            struct client client = client_new(i, &rig->ring.entry[i % 3]);
            client.cookie[40] ^= i % 5 == 0; // some NAKs
            struct request_shape shape = request_default;
            shape.n_placeholders = i % 10;
            shape.nonce_len = i % 7 ? 16 : 20; // some on the slow path
            struct packet ntp = i % 4 ? client_request(&client, &shape) : packet_ntp(4, 3);
            struct packet frame =
                frame_around(i % 3 ? &frame_default : &frame_default_v6, ntp.at, ntp.len);
            assert_true(memory_port_push(rig->port, frame.at, frame.len));
        }
        while (core_turn(&rig->core)) {
        }
        for (unsigned i = 0; i < 80; i++)
            len[run][i] = memory_port_take(rig->port, out[run][i], NULL);
        rig_close(rig);
    }
    for (unsigned i = 0; i < 80; i++) {
        assert_int_not_equal(len[0][i], 0);
        assert_int_equal(len[0][i], len[1][i]);
        assert_memory_equal(out[0][i], out[1][i], len[0][i]);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static struct packet mutated(const struct rig *rig, uint32_t *seed)
{
    struct client client = client_new(next_random(seed) % 100, &rig->ring.entry[0]);
    struct request_shape shape = {
        .n_placeholders = next_random(seed) % 5,
        .n_sealed_placeholders = next_random(seed) % 3,
        .nonce_len = 1 + next_random(seed) % 40,
        .more = next_random(seed) % 6 * 4,
    };
    struct packet packet = client_request(&client, &shape);
    if (next_random(seed) % 4 == 0)
        packet_field(&packet, 0x0304, 1, next_random(seed) % 30 * 4);
    for (unsigned n = next_random(seed) % 4; n > 0; n--) {
        uint32_t at = next_random(seed) % packet.len;
        if (next_random(seed) % 2) // more often where the lengths are
            at = 48 + next_random(seed) % (packet.len - 48) / 4 * 4 + next_random(seed) % 4;
        packet.at[at % packet.len] = (uint8_t)next_random(seed);
    }
    if (next_random(seed) % 5 == 0)
        packet.len = next_random(seed) % (packet.len + 1);
    return packet;
}

// RSP-7, P1, P2, CVE-2013-5211: whatever comes, no reply is longer than its request, there are not
// more replies than requests, and the sums agree.
static void no_reply_is_longer_than_its_request(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    uint32_t seed = 0x2545f491;
    uint32_t sent[LANES];
    uint64_t first = 0, answered = 0;
    for (unsigned turn = 0; turn < 300; turn++) {
        for (unsigned i = 0; i < LANES; i++) {
            struct packet ntp = mutated(rig, &seed);
            struct packet frame =
                frame_around(i % 2 ? &frame_default : &frame_default_v6, ntp.at, ntp.len);
            if (next_random(&seed) % 8 == 0)
                frame.at[next_random(&seed) % frame.len] = (uint8_t)next_random(&seed);
            sent[i] = frame.len;
            assert_true(memory_port_push(rig->port, frame.at, frame.len));
        }
        assert_true(core_turn(&rig->core));
        assert_true(rig_sums_agree(rig));
        uint64_t request;
        uint8_t out[UINT16_MAX];
        for (uint32_t len; (len = memory_port_take(rig->port, out, &request)) != 0; answered++) {
            assert_true(request >= first && request < first + LANES);
            assert_true(len <= sent[request - first]);
            assert_true(frame_sums_hold(out, len));
        }
        first += LANES;
    }
    assert_int_equal(rig_count(rig, DROPPED_LONGER), 0);
    assert_true(answered > 1000 && answered < first);
    assert_true(rig_count(rig, ANSWERED_NTS) > 500 && rig_count(rig, ANSWERED_NAK) > 500);
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_octet_is_left_unwritten),
        cmocka_unit_test(no_reply_is_longer_than_its_request),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
