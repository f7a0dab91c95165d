// How many cookies each key has opened and sealed, as a core counts it.
#include "board/key_counters.h"

#include "tests/dataplane/client.h"
#include "tests/dataplane/packet.h"
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint8_t reply[PACKET_MAX];

static struct key_count count_of(const struct rig *rig, unsigned place)
{
    struct key_count count = {0};
    key_counters_read(&rig->key_counters, rig->ring.entry[place].id, &count);
    return count;
}

// A client that has a cookie of the key at that place asks n times.
static void ask(struct rig *rig, unsigned place, unsigned n, const struct request_shape *shape)
{
    struct client client = client_new(1, &rig->ring.entry[place]);
    for (unsigned i = 0; i < n; i++) {
        struct packet request = client_request(&client, shape);
        assert_int_not_equal(rig_ask(rig, &request, reply), 0);
    }
}

// The key that opens is counted, on the usual path and on the slow one; the current one seals.
static void keys_are_counted(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct request_shape slow = request_default;
    slow.nonce_len = 20;
    slow.n_placeholders = 2;
    ask(rig, 0, 3, &request_default);
    ask(rig, 1, 5, &request_default); // current
    ask(rig, 2, 7, &request_default);
    assert_int_equal(rig->counters.slow_path, 0);
    ask(rig, 0, 10, &slow);
    ask(rig, 1, 20, &slow);
    assert_int_equal(rig->counters.slow_path, 30);
    assert_int_equal(count_of(rig, 0).opened, 13);
    assert_int_equal(count_of(rig, 1).opened, 25);
    assert_int_equal(count_of(rig, 2).opened, 7);
    assert_int_equal(count_of(rig, 0).sealed + count_of(rig, 2).sealed, 0);
    assert_int_equal(count_of(rig, 1).sealed, 15 + 3 * 30);
    assert_int_equal(count_of(rig, 1).sealed, rig->counters.cookies_sealed);
    rig_close(rig);
}

// What is not genuine counts for no key.
static void forgeries_are_not_counted(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    struct client client = client_new(1, &rig->ring.entry[2]);
    struct packet request = client_request(&client, &request_default);
    request.at[request.len - 1] ^= 1;
    rig_ask(rig, &request, reply);
    assert_int_equal(rig_count(rig, ANSWERED_NAK), 1);
    for (unsigned place = 0; place < 3; place++)
        assert_int_equal(count_of(rig, place).opened + count_of(rig, place).sealed, 0);
    rig_close(rig);
}

// After a rotation the counts stay with their keys, and a core that is started again goes on.
static void counts_follow_their_keys(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    ask(rig, 1, 5, &request_default);
    const struct keyring_entry moved = rig->ring.entry[0];
    rig->ring.entry[0] = rig->ring.entry[1];
    rig->ring.entry[1] = moved;
    rig_publish_keys(rig);
    ask(rig, 0, 2, &request_default); // the key that was current
    assert_int_equal(count_of(rig, 0).opened, 7);
    assert_int_equal(count_of(rig, 0).sealed, 5);
    assert_int_equal(count_of(rig, 1).sealed, 2);
    rig->core.keys.seen = 0;
    rig_publish_keys(rig);
    ask(rig, 0, 1, &request_default);
    assert_int_equal(count_of(rig, 0).opened, 8);
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_counted),
        cmocka_unit_test(forgeries_are_not_counted),
        cmocka_unit_test(counts_follow_their_keys),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
