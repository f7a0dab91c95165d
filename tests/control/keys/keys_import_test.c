// Imported cookie keys: durable before they open cookies, beside our own, and for as long.
#include "control/keys/keys.h"

#include "base/bytes.h"
#include "crypto/cookie.h"
#include "tests/control/keys/keys_world.h"
#include "tests/control/log_recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Keys of another server, of which the first one seals there; no id is like another.
static void make_foreign(struct keys_foreign foreign[KEYS_LINES])
{
    for (uint32_t i = 0; i < KEYS_LINES; i++) {
        foreign[i].id = 0xfeed0000 + 16 * i;
        memset(foreign[i].secret, 0x50 + (int)i, sizeof foreign[i].secret);
    }
}

// A cookie as the other server makes it, without associated data, is opened here.
static bool is_opened(const struct keys_foreign *foreign)
{
    static const uint8_t nonce[COOKIE_NONCE_LEN] = {7};
    uint8_t pair[COOKIE_KEYS_LEN], cookie[COOKIE_LEN], got[COOKIE_KEYS_LEN];
    struct cookie_key key;
    struct keyring_view view = {0};
    memset(pair, 0x33, sizeof pair);
    cookie_key_expand(&key, foreign->id, foreign->secret, NULL, 0);
    cookie_seal(&key, nonce, pair, sizeof pair, cookie);
    assert_true(keyring_refresh(&keys_ring, &view));
    const struct cookie_key *ours = keyring_find(&view, be32_get(cookie));
    const bool opened = ours != NULL && cookie_open(ours, cookie, got, sizeof got);
    assert_true(!opened || memcmp(pair, got, sizeof got) == 0);
    keyring_view_wipe(&view);
    return opened;
}

static void import(struct keys *keys, const struct keys_foreign *foreign, uint32_t n, bool seal)
{
    assert_null(keys_ask_import(keys, foreign, n, seal));
    keys_world_settle(keys);
    assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATED);
    keys_world_check_durable();
}

static void rotate(struct keys *keys)
{
    sim_now += DAY;
    keys_world_settle(keys);
}

// keep rotations for all of them, as for a key that became old with the import; also after a
// restart.
static void imported_keys_open_cookies_for_as_long(void **state)
{
    (void)state;
    struct keys_foreign foreign[KEYS_LINES];
    make_foreign(foreign);
    struct keys *keys = keys_world_open();
    const uint32_t sealed = keys_world_published().entry[0].id;
    sim_now += HOUR;
    import(keys, foreign, 3, false);
    assert_int_equal(keys_outcome(keys)->n_imported, 3);
    assert_int_equal(keys_outcome(keys)->n_wiped, 0);
    assert_int_equal(keys_world_published().entry[keys_world_published().current].id, sealed);
    struct keys_schedule schedule;
    keys_schedule(keys, sim_now, &schedule);
    assert_int_equal(schedule.next_s, 23 * 3600); // it is no rotation
    keys_close(keys);
    keys = keys_world_open();
    for (int r = 0; r < 3; r++) {
        for (int i = 0; i < 3; i++)
            assert_true(is_opened(&foreign[i]));
        rotate(keys);
    }
    for (int i = 0; i < 3; i++)
        assert_false(is_opened(&foreign[i]));
    assert_int_equal(keys_world_published().n, 5);
    keys_close(keys);
}

// Our own old keys stay for as long as without an import.
static void own_keys_stay(void **state)
{
    (void)state;
    struct keys_foreign foreign[KEYS_LINES];
    make_foreign(foreign);
    for (uint32_t keep = 0; keep <= 6; keep++) {
        keys_config.keys.keep = keep;
        struct keys *keys = keys_world_open();
        for (int r = 0; r < 6; r++)
            rotate(keys);
        const uint32_t room = 6 - keep, n = room < 3 ? room : 3;
        if (room == 0) {
            assert_non_null(strstr(keys_ask_import(keys, foreign, 3, false), "no room"));
        } else {
            import(keys, foreign, 3, false);
            assert_int_equal(keys_outcome(keys)->n_imported, n);
            assert_true(is_opened(&foreign[0]));
        }
        for (int r = 0; r < 8; r++) {
            const struct keyring_record before = keys_world_published();
            rotate(keys);
            const struct keyring_record after = keys_world_published();
            uint32_t own = 0;
            for (uint32_t i = 0; i < after.n; i++)
                own += !after.entry[i].foreign_ad;
            assert_int_equal(own, 2 + keep);
            assert_true(after.n <= before.n + 1);
        }
        assert_int_equal(keys_world_published().n, 2 + keep);
        keys_close(keys);
        remove(keys_path);
        char previous[sizeof keys_path + 8];
        snprintf(previous, sizeof previous, "%s.1", keys_path);
        remove(previous);
        memset(&keys_ring, 0, sizeof keys_ring);
    }
}

// All places are taken: each rotation drops the oldest imported key, and none of our own.
static void many_imported_keys_give_way(void **state)
{
    (void)state;
    struct keys_foreign foreign[KEYS_LINES];
    make_foreign(foreign);
    keys_config.keys.keep = 6;
    struct keys *keys = keys_world_open();
    import(keys, foreign, 6, false);
    for (int r = 0; r < 6; r++) {
        assert_int_equal(keys_world_published().n, 8);
        for (int i = 0; i < 6; i++)
            assert_int_equal(is_opened(&foreign[i]), i < 6 - r);
        rotate(keys);
        keys_world_check_durable();
    }
    assert_int_equal(keys_world_published().n, 8);
    assert_false(is_opened(&foreign[0]));
    keys_close(keys);
}

// With seal the other server opens what is sealed here, until the next rotation.
static void an_imported_key_can_seal(void **state)
{
    (void)state;
    struct keys_foreign foreign[KEYS_LINES];
    make_foreign(foreign);
    struct keys *keys = keys_world_open();
    const struct keyring_record before = keys_world_published();
    import(keys, foreign, 2, true);
    const struct keyring_record after = keys_world_published();
    assert_int_equal(after.n, 4);
    assert_int_equal(after.current, KEY_CURRENT);
    assert_int_equal(after.entry[KEY_CURRENT].id, foreign[0].id);
    assert_int_equal(after.entry[KEY_FUTURE].id, before.entry[KEY_FUTURE].id);
    assert_int_equal(after.entry[KEY_OLD].id, before.entry[KEY_CURRENT].id);
    struct keys_line line[KEYS_LINES];
    assert_int_equal(keys_describe(keys, sim_now, line), 4);
    assert_true(line[0].imported && !line[1].imported && !line[2].imported && line[3].imported);
    assert_true(line[2].old == 1 && line[3].old == 2);
    rotate(keys);
    assert_int_equal(keys_world_published().entry[KEY_CURRENT].id, before.entry[KEY_FUTURE].id);
    assert_true(is_opened(&foreign[0]));
    keys_close(keys);
}

static void a_second_import_is_refused(void **state)
{
    (void)state;
    struct keys_foreign foreign[KEYS_LINES];
    make_foreign(foreign);
    struct keys *keys = keys_world_open();
    import(keys, foreign, 2, false);
    assert_non_null(strstr(keys_ask_import(keys, foreign, 2, false), "here already"));
    assert_non_null(strstr(keys_ask_import(keys, foreign, 3, true), "here already"));
    foreign[3].id = foreign[0].id ^ 1; // an id that differs in its lowest bit alone is the same
    assert_non_null(strstr(keys_ask_import(keys, &foreign[3], 1, false), "here already"));
    import(keys, foreign, 4, false); // one is new
    assert_int_equal(keys_outcome(keys)->n_imported, 1);
    assert_int_equal(keys_world_published().n, 5);
    keys_close(keys);
}

// P6: nor do they get into the log.
static void log_holds_no_imported_key(void **state)
{
    (void)state;
    struct keys_foreign foreign[KEYS_LINES];
    make_foreign(foreign);
    struct keys *keys = keys_world_open();
    import(keys, foreign, 2, false);
    assert_true(log_recorder_has("imported"));
    assert_false(log_recorder_has("505050"));
    keys_close(keys);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(imported_keys_open_cookies_for_as_long, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(own_keys_stay, keys_world_setup, keys_world_teardown),
        cmocka_unit_test_setup_teardown(many_imported_keys_give_way, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(an_imported_key_can_seal, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_second_import_is_refused, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(log_holds_no_imported_key, keys_world_setup,
                                        keys_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
