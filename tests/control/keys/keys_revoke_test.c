// Revoked cookie keys: gone from the board and from the disk, at once and for good.
#include "control/keys/keys.h"

#include "control/keys/key_file.h"
#include "tests/control/keys/keys_world.h"
#include "tests/control/log_recorder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_published(uint32_t id)
{
    struct keyring_record record = keys_world_published();
    for (uint32_t i = 0; i < record.n; i++)
        if (record.entry[i].id == id)
            return true;
    return false;
}

// Three days old, so that there are three old keys; an hour into the fourth.
static struct keys *with_old_keys(void)
{
    struct keys *keys = keys_world_open();
    for (int day = 0; day < 3; day++) {
        sim_now += DAY;
        keys_world_settle(keys);
    }
    sim_now += HOUR;
    keys_world_settle(keys);
    assert_int_equal(keys_world_published().n, 5);
    return keys;
}

static void revoke_now(struct keys *keys, const uint32_t *id)
{
    assert_null(keys_ask_revocation(keys, id));
    keys_world_settle(keys);
    assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATED);
    keys_world_check_durable();
}

// What FILE.1 has, as after a kill: a planned end writes once more.
static void check_previous_lacks(uint32_t id)
{
    char previous[sizeof keys_path + 16];
    struct key_file_moment moment;
    struct key_set set;
    snprintf(previous, sizeof previous, "%s.1", keys_path);
    assert_int_equal(key_file_moment_now(&moment), 0);
    assert_int_equal(key_file_read(previous, &moment, &set), KEY_FILE_GOOD);
    assert_false(key_set_has(&set, id));
}

// After the loss of FILE the next start takes FILE.1: the key is not in there either.
static void check_gone_for_good(struct keys *keys, uint32_t id)
{
    char refused[sizeof keys_path + 16];
    snprintf(refused, sizeof refused, "%s.refused", keys_path);
    assert_int_equal(access(refused, F_OK), -1);
    check_previous_lacks(id);
    assert_false(is_published(id));
    struct keyring_record before = keys_world_published();
    keys_close(keys);
    assert_int_equal(truncate(keys_path, 100), 0);
    log_recorder_clear();
    keys = keys_world_open();
    assert_true(log_recorder_has("cookie keys come from"));
    assert_false(is_published(id));
    struct keyring_record after = keys_world_published();
    assert_memory_equal(&before, &after, sizeof before); // and all others are there
    keys_close(keys);
}

static void an_old_key_is_revoked(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const struct keyring_record before = keys_world_published();
    const uint32_t id = before.entry[KEY_OLD + 1].id;
    revoke_now(keys, &id);
    const struct keyring_record after = keys_world_published();
    assert_int_equal(after.n, 4);
    assert_memory_equal(after.entry, before.entry, 3 * sizeof after.entry[0]);
    assert_int_equal(after.entry[KEY_OLD + 1].id, before.entry[KEY_OLD + 2].id);
    assert_int_equal(keys_outcome(keys)->n_wiped, 1);
    assert_int_equal(keys_outcome(keys)->wiped[0], id);
    assert_true(log_recorder_has("revoked"));
    // The future key has its age: the next rotation comes when it would have come.
    struct keys_schedule schedule;
    keys_schedule(keys, sim_now, &schedule);
    assert_int_equal(schedule.next_s, 23 * 3600);
    check_gone_for_good(keys, id);
}

static void the_current_key_is_revoked(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const struct keyring_record before = keys_world_published();
    const uint32_t id = before.entry[KEY_CURRENT].id;
    revoke_now(keys, &id);
    const struct keyring_record after = keys_world_published();
    assert_int_equal(after.n, 5);
    assert_memory_equal(&after.entry[KEY_CURRENT], &before.entry[KEY_FUTURE],
                        sizeof after.entry[0]);
    assert_memory_equal(&after.entry[KEY_OLD], &before.entry[KEY_OLD], 3 * sizeof after.entry[0]);
    for (uint32_t i = 0; i < before.n; i++)
        assert_int_not_equal(after.entry[KEY_FUTURE].id, before.entry[i].id);
    struct keys_schedule schedule;
    keys_schedule(keys, sim_now, &schedule);
    assert_int_equal(schedule.next_s, 24 * 3600); // the new future key waits for a whole interval
    check_gone_for_good(keys, id);
}

static void the_future_key_is_revoked(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const struct keyring_record before = keys_world_published();
    const uint32_t id = before.entry[KEY_FUTURE].id;
    revoke_now(keys, &id);
    const struct keyring_record after = keys_world_published();
    assert_int_equal(after.n, 5);
    assert_memory_equal(&after.entry[KEY_CURRENT], &before.entry[KEY_CURRENT],
                        sizeof after.entry[0]);
    assert_memory_equal(&after.entry[KEY_OLD], &before.entry[KEY_OLD], 3 * sizeof after.entry[0]);
    check_gone_for_good(keys, id);
}

// CK-9
static void all_keys_are_revoked(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const struct keyring_record before = keys_world_published();
    revoke_now(keys, NULL);
    const struct keyring_record after = keys_world_published();
    assert_int_equal(after.n, 2);
    assert_int_equal(keys_outcome(keys)->n_wiped, 5);
    for (uint32_t i = 0; i < before.n; i++)
        assert_false(is_published(before.entry[i].id));
    check_gone_for_good(keys, before.entry[KEY_CURRENT].id);
}

static void what_cannot_be_revoked_changes_nothing(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const uint64_t n = keys_world_publications();
    const struct keyring_record before = keys_world_published();
    const uint32_t unknown = before.entry[0].id ^ 1;
    assert_non_null(strstr(keys_ask_revocation(keys, &unknown), "no key has that id"));
    assert_null(keys_ask_rotation(keys));
    assert_non_null(strstr(keys_ask_revocation(keys, NULL), "under way"));
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    assert_int_equal(keys_world_published().n, 5); // it was a rotation
    keys_close(keys);
}

static void disk_full(bool full)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = full ? 100 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// F12: durable first. On a full disk the key stays in use, and goes when there is room.
static void a_full_disk_postpones_a_revocation(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const uint32_t id = keys_world_published().entry[KEY_OLD].id;
    disk_full(true);
    assert_null(keys_ask_revocation(keys, &id));
    keys_world_settle(keys);
    assert_int_equal(keys_outcome(keys)->asked, KEYS_NOT_ROTATED);
    assert_true(is_published(id));
    disk_full(false);
    sim_now += 60 * S;
    keys_world_settle(keys);
    keys_world_check_durable();
    check_gone_for_good(keys, id);
}

// After a day it is forced; the first set that reaches the disk then leaves no earlier one there.
static void a_forced_revocation_is_made_good(void **state)
{
    (void)state;
    struct keys *keys = with_old_keys();
    const uint32_t id = keys_world_published().entry[KEY_CURRENT].id;
    disk_full(true);
    assert_null(keys_ask_revocation(keys, &id));
    keys_world_settle(keys);
    sim_now += DAY;
    keys_world_settle(keys);
    assert_false(is_published(id));
    disk_full(false);
    for (int i = 0; i < 3; i++) {
        sim_now += 60 * S;
        keys_world_settle(keys);
    }
    keys_world_check_durable();
    check_gone_for_good(keys, id);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_old_key_is_revoked, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(the_current_key_is_revoked, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(the_future_key_is_revoked, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(all_keys_are_revoked, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_revoked_changes_nothing, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_postpones_a_revocation, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_forced_revocation_is_made_good, keys_world_setup,
                                        keys_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
