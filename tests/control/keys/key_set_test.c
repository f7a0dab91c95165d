// The steps from one set of keys to the next.
#include "control/keys/key_set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

// Ids to hand out before random ones, and how many draws are yet to succeed.
static uint32_t ids[32];
static unsigned n_ids, at_id;
static int draws_left = -1;

ssize_t __real_getrandom(void *at, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *at, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *at, size_t len, unsigned flags)
{
    if (draws_left == 0) {
        errno = EAGAIN;
        return -1;
    }
    draws_left -= draws_left > 0;
    if (len == 4 && at_id < n_ids) {
        memcpy(at, &ids[at_id++], 4);
        return 4;
    }
    return __real_getrandom(at, len, flags);
}

static int reset(void **state)
{
    (void)state;
    n_ids = at_id = 0;
    draws_left = -1;
    return 0;
}

static void first_set_has_a_future(void **state)
{
    (void)state;
    struct key_set set;
    assert_int_equal(key_set_make(&set, 77), 0);
    assert_int_equal(set.n, 2);
    assert_int_equal(set.generation, 1);
    assert_true(key_set_sound(&set));
    assert_int_equal(set.key[0].made_ns, 77);
    assert_memory_not_equal(set.key[0].secret, set.key[1].secret, COOKIE_KEY_LEN);

    struct key_set other;
    assert_int_equal(key_set_make(&other, 77), 0);
    assert_memory_not_equal(set.key[0].secret, other.key[0].secret, COOKIE_KEY_LEN);
}

// CK-5: what will seal was published a whole rotation before. CK-6: what has sealed stays for
// `keep` rotations, and not one more.
static void rotations_move_keys_along(void **state)
{
    (void)state;
    for (uint32_t keep = 0; keep <= 7; keep++) {
        uint32_t kept = keep > KEY_SET_KEEP_MAX ? KEY_SET_KEEP_MAX : keep;
        struct key_set set, next, history[12];
        assert_int_equal(key_set_make(&set, 0), 0);
        for (unsigned r = 0; r < 12; r++) {
            history[r] = set;
            assert_int_equal(key_set_rotate(&set, keep, r + 1, &next), 0);
            assert_true(key_set_sound(&next));
            assert_int_equal(next.generation, set.generation + 1);
            assert_memory_equal(&next.key[KEY_CURRENT], &set.key[KEY_FUTURE], sizeof(struct key));
            assert_int_equal(next.key[KEY_FUTURE].made_ns, r + 1);
            assert_int_equal(key_set_age(&next, r + 5), 4);
            uint32_t n_old = r + 1 < kept ? r + 1 : kept;
            assert_int_equal(next.n, 2 + n_old);
            for (uint32_t i = 0; i < n_old; i++)
                assert_memory_equal(&next.key[KEY_OLD + i], &history[r - i].key[KEY_CURRENT],
                                    sizeof(struct key));
            set = next;
        }
    }
}

// A smaller `keep` after a restart takes effect with the next rotation.
static void smaller_keep_drops_the_oldest(void **state)
{
    (void)state;
    struct key_set set, next;
    assert_int_equal(key_set_make(&set, 0), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(key_set_rotate(&set, 6, 0, &next), 0);
        set = next;
    }
    assert_int_equal(set.n, 8);
    assert_int_equal(key_set_rotate(&set, 1, 0, &next), 0);
    assert_int_equal(next.n, 3);
    assert_int_equal(next.key[KEY_OLD].id, set.key[KEY_CURRENT].id);
}

// CK-4, decision 3: ids differ also with the lowest bit ignored.
static void ids_are_unique_without_the_lowest_bit(void **state)
{
    (void)state;
    const uint32_t draws[] = {0, 0, 1, 0xffffffff, 0xfffffffe, 0, 1, 0xffffffff, 5};
    memcpy(ids, draws, sizeof draws);
    n_ids = 9;
    struct key_set set, next;
    assert_int_equal(key_set_make(&set, 0), 0);
    assert_int_equal(set.key[0].id, 0);
    assert_int_equal(set.key[1].id, 0xffffffff);
    assert_int_equal(key_set_rotate(&set, 0, 0, &next), 0);
    // Also not that of a key that this rotation drops: a core may not have let go of it yet.
    assert_int_equal(next.key[KEY_FUTURE].id, 5);
}

static void repeating_source_is_refused(void **state)
{
    (void)state;
    n_ids = 32;
    memset(ids, 0, sizeof ids);
    struct key_set set;
    assert_int_equal(key_set_make(&set, 0), -EIO);
}

// F19, F23: without random octets there is no key, and never one of zeros.
static void failing_source_makes_no_key(void **state)
{
    (void)state;
    for (int after = 0; after < 4; after++) {
        draws_left = after;
        struct key_set set;
        assert_int_equal(key_set_make(&set, 0), -EAGAIN);
    }
    draws_left = -1;
    struct key_set set, next;
    assert_int_equal(key_set_make(&set, 0), 0);
    draws_left = 1;
    assert_int_equal(key_set_rotate(&set, 3, 0, &next), -EAGAIN);
}

static void unsound_sets_are_seen(void **state)
{
    (void)state;
    struct key_set set = {.n = 3, .key = {{.id = 4}, {.id = 6}, {.id = 8}}};
    assert_true(key_set_sound(&set));
    set.key[2].id = 7;
    assert_false(key_set_sound(&set));
    set.key[2].id = 5;
    assert_false(key_set_sound(&set));
    set.key[2].id = 8;
    set.n = 1;
    assert_false(key_set_sound(&set));
    set.n = 9;
    assert_false(key_set_sound(&set));
}

static void record_is_the_set(void **state)
{
    (void)state;
    struct key_set set, next;
    assert_int_equal(key_set_make(&set, 0), 0);
    assert_int_equal(key_set_rotate(&set, 3, 0, &next), 0);
    next.key[2].foreign_ad = 1;
    struct keyring_record record;
    key_set_record(&next, &record);
    assert_int_equal(record.n, 3);
    assert_int_equal(record.current, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(record.entry[i].id, next.key[i].id);
        assert_int_equal(record.entry[i].foreign_ad, i == 2);
        assert_memory_equal(record.entry[i].secret, next.key[i].secret, COOKIE_KEY_LEN);
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_set_has_a_future, reset),
        cmocka_unit_test_setup(rotations_move_keys_along, reset),
        cmocka_unit_test_setup(smaller_keep_drops_the_oldest, reset),
        cmocka_unit_test_setup(ids_are_unique_without_the_lowest_bit, reset),
        cmocka_unit_test_setup(repeating_source_is_refused, reset),
        cmocka_unit_test_setup(failing_source_makes_no_key, reset),
        cmocka_unit_test_setup(unsound_sets_are_seen, reset),
        cmocka_unit_test_setup(record_is_the_set, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
