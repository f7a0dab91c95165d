// dataplane.instance_id: who asks is told which instance answers, and nobody else. Over a port of
// memory.
#include "crypto/siv.h"
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ID = 0xf1d0, ID_LEN = 32, ID_FIELD_LEN = 36, UID_END = 48 + 36 };

static struct policy now = {.udp_port = 123};
static struct policy_place place;
static uint8_t reply[PACKET_MAX];

static void use(struct rig *rig, const char *id)
{
    memset(now.instance_id, 0, sizeof now.instance_id);
    memcpy(now.instance_id, id, strlen(id));
    now.has_instance_id = id[0] != '\0';
    atomic_store(&place.now, &now);
    rig->core.is.policy = &place;
    policy_take(&place, &rig->core.policy);
}

// A request with NTS and that many fields of `type` with `len` octets of body, before the seal.
static struct packet asks(const struct client *client, unsigned n, uint16_t type, uint32_t len)
{
    struct packet packet = packet_ntp(4, 3);
    packet_field_header(&packet, 0x0104, (uint16_t)(4 + client->uid_len));
    packet_add(&packet, client->uid, client->uid_len);
    packet_field_header(&packet, 0x0204, (uint16_t)(4 + client->cookie_len));
    packet_add(&packet, client->cookie, client->cookie_len);
    for (unsigned i = 0; i < n; i++)
        packet_field(&packet, type, 0x55, len);
    client_seal(client, &packet, 16, NULL, 0, 0);
    return packet;
}

// Is there the field with that name, zero padded, at that place of the reply?
static bool names(uint32_t at, const char *id)
{
    uint8_t field[ID_FIELD_LEN] = {ID >> 8, ID & 255, 0, ID_FIELD_LEN};
    memcpy(field + 4, id, strlen(id));
    return memcmp(reply + at, field, sizeof field) == 0;
}

// Is what comes before the authenticator at that place sealed?
static bool is_sealed(const struct client *client, uint32_t at, uint32_t len)
{
    uint8_t plain[1500];
    const struct bytes_span ad = {reply, at}, nonce = {reply + at + 8, 16};
    return reply[at] == 4 && reply[at + 1] == 4 && len == at + 24 + 16 + 104 &&
           siv_open(client->s2c, ad, nonce, reply + at + 24, len - at - 24, plain);
}

static void who_asks_with_nts_is_told(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet asking = asks(&client, 1, ID, ID_LEN);
    const struct frame_shape *shapes[] = {&frame_default, &frame_default_v6};
    static const char *const ids[] = {"ams-3", "x", "0123456789abcdef0123456789abcdef"};
    for (unsigned i = 0; i < 6; i++) {
        use(rig, ids[i / 2]);
        const uint32_t len = rig_ask_in(rig, shapes[i % 2], &asking, reply);
        assert_int_equal(len, asking.len); // as long as the request
        assert_true(names(UID_END, ids[i / 2]));
        assert_true(is_sealed(&client, UID_END + ID_FIELD_LEN, len));
    }
    // Asked twice, told once.
    const struct packet twice = asks(&client, 2, ID, ID_LEN);
    assert_int_equal(rig_ask(rig, &twice, reply), asking.len);
    assert_true(is_sealed(&client, UID_END + ID_FIELD_LEN, asking.len));
    assert_int_equal(rig_count(rig, ANSWERED_NTS), 7);
    rig_close(rig);
}

// A request of an unusual shape goes another way: here its nonce is longer.
static void the_slow_way_tells_too(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct packet asking = asks(&client, 1, ID, ID_LEN);
    asking.len -= 40;
    client_seal(&client, &asking, 32, NULL, 0, 0);
    use(rig, "ams-3");
    const uint32_t len = rig_ask(rig, &asking, reply);
    assert_true(len > 0 && len <= asking.len);
    assert_true(names(UID_END, "ams-3") && is_sealed(&client, UID_END + ID_FIELD_LEN, len));
    assert_int_equal(rig->counters.slow_path, 1);
    rig_close(rig);
}

static void who_asks_without_nts_is_told(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct packet asking = packet_ntp(4, 3);
    packet_field(&asking, ID, 0, ID_LEN);
    use(rig, "ams-3");
    assert_int_equal(rig_ask(rig, &asking, reply), asking.len);
    assert_true(names(48, "ams-3"));
    // Behind an identifier, which is sent back.
    struct packet both = packet_ntp(4, 3);
    packet_field(&both, 0x0104, 7, 32);
    packet_field(&both, ID, 0, ID_LEN);
    assert_int_equal(rig_ask(rig, &both, reply), both.len);
    assert_true(names(UID_END, "ams-3"));
    assert_int_equal(rig_count(rig, ANSWERED_PLAIN), 2);
    rig_close(rig);
}

static void nobody_else_is_told(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet asking = asks(&client, 1, ID, ID_LEN);
    use(rig, "");
    assert_int_equal(rig_ask(rig, &asking, reply), 228); // there is no name

    use(rig, "ams-3");
    const struct packet usual = client_request(&client, &request_default);
    const struct packet shorter = asks(&client, 1, ID, ID_LEN - 4);
    const struct packet longer = asks(&client, 1, ID, ID_LEN + 4);
    const struct packet other = asks(&client, 1, ID + 1, ID_LEN);
    struct packet behind = usual; // what follows the authenticator is not sealed
    packet_field(&behind, ID, 0, ID_LEN);
    const struct packet *const packets[] = {&usual, &shorter, &longer, &other, &behind};
    for (unsigned i = 0; i < 5; i++) {
        uint8_t cookies[8][100];
        const uint32_t len = rig_ask(rig, packets[i], reply);
        assert_int_equal(client_open(&client, packets[i], reply, len, cookies), 1);
    }
    const struct packet plain = packet_ntp(4, 3);
    assert_int_equal(rig_ask(rig, &plain, reply), 48);
    // A NAK has the identifier alone.
    client.cookie[0] ^= 1;
    const struct packet unknown = asks(&client, 1, ID, ID_LEN);
    assert_true(client_is_nak(&client, &unknown, reply, rig_ask(rig, &unknown, reply)));
    client.cookie[0] ^= 1;
    struct packet forged = asks(&client, 1, ID, ID_LEN);
    forged.at[forged.len - 1] ^= 1;
    assert_true(client_is_nak(&client, &forged, reply, rig_ask(rig, &forged, reply)));
    rig_close(rig);
}

// Each lane of a burst is told, or not, by its own request.
static void a_burst_is_divided(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet usual = client_request(&client, &request_default);
    const struct packet asking = asks(&client, 1, ID, ID_LEN);
    use(rig, "ams-3");
    for (unsigned i = 0; i < LANES; i++) {
        const struct packet *packet = i % 3 == 0 ? &asking : &usual;
        const struct packet frame = frame_around(&frame_default, packet->at, packet->len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    assert_true(core_turn(&rig->core));
    assert_true(rig_sums_agree(rig));
    assert_int_equal(rig_count(rig, ANSWERED_NTS), LANES);
    uint8_t out[UINT16_MAX];
    uint64_t which;
    for (unsigned i = 0; i < LANES; i++) {
        const uint32_t len = memory_port_take(rig->port, out, &which) - 42;
        memcpy(reply, out + 42, len);
        const bool asked = which % 3 == 0;
        assert_int_equal(len, asked ? asking.len : 228);
        assert_true(!asked || names(UID_END, "ams-3"));
        assert_true(is_sealed(&client, UID_END + (asked ? ID_FIELD_LEN : 0), len));
    }
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_with_nts_is_told),    cmocka_unit_test(the_slow_way_tells_too),
        cmocka_unit_test(who_asks_without_nts_is_told), cmocka_unit_test(nobody_else_is_told),
        cmocka_unit_test(a_burst_is_divided),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
