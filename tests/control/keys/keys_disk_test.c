// Control's cookie keys when the file is bad, the disk is full, or a write hangs.
#include "control/keys/keys.h"

#include "tests/control/keys/keys_world.h"
#include "tests/control/log_recorder.h"

#include <errno.h>
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

// F13: both generations bad. New keys, a loud warning, no crash.
static void bad_files_cost_new_keys(void **state)
{
    (void)state;
    FILE *file = fopen(keys_path, "w");
    fputs("torn", file);
    fclose(file);
    struct keys *keys = keys_world_open();
    assert_true(log_recorder_has("warning: NO USABLE KEY FILE"));
    keys_world_check_durable();
    keys_close(keys);
}

// F13: FILE is bad and FILE.1 is not: it serves, and FILE is written anew at once.
static void previous_generation_serves(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    sim_now += DAY;
    keys_world_settle(keys);
    keys_close(keys);
    struct keyring_record before = keys_world_published();
    assert_int_equal(truncate(keys_path, 100), 0); // FILE.1 holds the same set, stored at the close

    keys = keys_world_open();
    assert_true(log_recorder_has("refused"));
    struct keyring_record after = keys_world_published();
    assert_memory_equal(&before, &after, sizeof before);
    keys_world_settle(keys);
    keys_world_check_durable();
    keys_close(keys);
}

// F26: without a place for the first keys the start fails.
static void no_directory_fails_the_first_start(void **state)
{
    (void)state;
    char missing[128];
    snprintf(missing, sizeof missing, "%s/missing/keys", keys_directory);
    keys_config.keys.file = missing;
    struct keys *keys = NULL;
    assert_int_equal(keys_open(&keys_config, &keys), -ENOENT);
    assert_null(keys);
    assert_true(log_recorder_has("missing/keys"));
}

// A disk without room: files of this process cannot grow beyond 100 octets.
static void disk_full(bool full)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = full ? 100 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
}

// F12: goes on with the keys in hand, tries again each minute, and rotates as soon as it can.
static void full_disk_postpones_the_rotation(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    uint64_t n = keys_world_publications();
    disk_full(true);
    sim_now += DAY;
    for (int minute = 0; minute < 5; minute++) {
        uint64_t next = keys_world_settle(keys);
        assert_true(next == sim_now + 60 * S);
        assert_true(keys_failing(keys));
        assert_true(log_recorder_has("error: cannot write key file"));
        assert_int_equal(keys_world_publications(), n);
        keys_world_check_durable();
        log_recorder_clear();
        sim_now += 59 * S;
        keys_world_settle(keys);
        assert_false(log_recorder_has("error")); // not before the minute is over
        sim_now += S;
    }
    disk_full(false);
    keys_world_settle(keys);
    assert_false(keys_failing(keys));
    assert_true(log_recorder_has("is written again"));
    assert_int_equal(keys_world_publications(), n + 1);
    keys_world_check_durable();
    // A whole interval follows.
    sim_now += DAY - S;
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    sim_now += S;
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 2);
    keys_close(keys);
}

// F12: after a day the rotation is forced, with an alarm; the key that then seals was in the file
// before, so a restart still knows every cookie.
static void full_disk_forces_the_rotation_after_a_day(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    uint64_t n = keys_world_publications();
    disk_full(true);
    sim_now += DAY;
    uint64_t end = sim_now + DAY;
    for (; sim_now < end; sim_now += 3600 * S) {
        keys_world_settle(keys);
        assert_int_equal(keys_world_publications(), n);
    }
    assert_false(log_recorder_has("ALARM"));
    log_recorder_clear();
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    assert_true(log_recorder_has("ALARM"));
    struct keyring_record forced = keys_world_published();
    struct key_set set = keys_world_on_disk();
    assert_int_equal(forced.entry[forced.current].id, set.key[KEY_FUTURE].id);

    // The set in use reaches the file once there is room.
    disk_full(false);
    sim_now += 60 * S;
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    keys_world_check_durable();
    keys_close(keys);
}

// F12: fsync that does not return. No turn waits for it, nothing rotates before it ends; after a
// day the rotation is forced, and a late end changes nothing.
static void hanging_disk_holds_nobody_up(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    uint64_t n = keys_world_publications();
    sem_init(&sim_fsync_goes_on, 0, 0);
    atomic_store(&sim_fsync_hangs, true);
    sim_now += DAY;
    for (int i = 0; i < 24; i++, sim_now += HOUR) {
        assert_true(keys_turn(keys, &keys_ring, sim_now) == sim_now + S / 100);
        assert_int_equal(keys_world_publications(), n);
    }
    keys_turn(keys, &keys_ring, sim_now);
    assert_int_equal(keys_world_publications(), n + 1);
    assert_true(log_recorder_has("ALARM"));
    struct keyring_record forced = keys_world_published();

    atomic_store(&sim_fsync_hangs, false);
    sem_post(&sim_fsync_goes_on);
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    struct keyring_record after = keys_world_published();
    assert_memory_equal(&forced, &after, sizeof forced);
    keys_world_check_durable();
    keys_close(keys);
}

// F12: who asks for a rotation is told of it once it is durable, and not before.
static void a_rotation_that_is_asked_for_waits_for_the_disk(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    struct keys_schedule schedule;
    uint64_t n = keys_world_publications();
    sem_init(&sim_fsync_goes_on, 0, 0);
    atomic_store(&sim_fsync_hangs, true);
    assert_null(keys_ask_rotation(keys));
    for (int i = 0; i < 10; i++, sim_now += S) {
        assert_true(keys_turn(keys, &keys_ring, sim_now) == sim_now + S / 100);
        assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATING);
        assert_int_equal(keys_world_publications(), n);
        assert_non_null(strstr(keys_ask_rotation(keys), "under way"));
    }
    keys_schedule(keys, sim_now, &schedule);
    assert_true(schedule.rotating && schedule.writing);
    atomic_store(&sim_fsync_hangs, false);
    sem_post(&sim_fsync_goes_on);
    keys_world_settle(keys);
    assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATED);
    assert_int_equal(keys_world_publications(), n + 1);
    keys_world_check_durable();

    // While ages are written there is none.
    atomic_store(&sim_fsync_hangs, true);
    sim_now += 4 * HOUR;
    keys_turn(keys, &keys_ring, sim_now);
    assert_non_null(strstr(keys_ask_rotation(keys), "is being written"));
    atomic_store(&sim_fsync_hangs, false);
    sem_post(&sim_fsync_goes_on);
    keys_world_settle(keys);
    assert_null(keys_ask_rotation(keys));
    keys_world_settle(keys);
    keys_close(keys);
}

// F12: a full disk. Who asks is told so, and the rotation comes as soon as it can.
static void a_rotation_that_is_asked_for_fails(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    uint64_t n = keys_world_publications();
    disk_full(true);
    assert_null(keys_ask_rotation(keys));
    keys_world_settle(keys);
    assert_int_equal(keys_outcome(keys)->asked, KEYS_NOT_ROTATED);
    assert_int_equal(keys_outcome(keys)->err, -EFBIG);
    assert_int_equal(keys_world_publications(), n);
    assert_non_null(strstr(keys_ask_rotation(keys), "could not be written"));
    disk_full(false);
    sim_now += 60 * S;
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    keys_world_check_durable();
    assert_null(keys_ask_rotation(keys));
    keys_world_settle(keys);
    assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATED);
    keys_close(keys);
}

// The same while the write that hangs only stores ages: when it ends, the file holds the set before
// the one in use, which then follows.
static void hanging_write_of_ages_is_made_good(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    sem_init(&sim_fsync_goes_on, 0, 0);
    atomic_store(&sim_fsync_hangs, true);
    sim_now += 3 * HOUR;
    keys_turn(keys, &keys_ring, sim_now);
    sim_now += DAY;
    keys_turn(keys, &keys_ring, sim_now);
    sim_now += DAY;
    uint64_t n = keys_world_publications();
    keys_turn(keys, &keys_ring, sim_now);
    assert_int_equal(keys_world_publications(), n + 1);

    atomic_store(&sim_fsync_hangs, false);
    sem_post(&sim_fsync_goes_on);
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    keys_world_check_durable();
    keys_close(keys);
}

// The close waits for the writer and takes its set along.
static void close_in_the_middle_of_a_rotation(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    sim_now += DAY;
    keys_turn(keys, &keys_ring, sim_now);
    keys_close(keys);
    struct keyring_record before = keys_world_published();
    struct key_set set = keys_world_on_disk();
    assert_int_equal(set.generation, 2);
    assert_int_equal(set.key[KEY_CURRENT].id, before.entry[1].id);
    assert_int_equal(set.key[KEY_OLD].id, before.entry[0].id);
    assert_false(log_recorder_has("warning"));
}

// P6: no key octet in the log.
static void log_holds_no_key(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    disk_full(true);
    sim_now += DAY;
    keys_world_settle(keys);
    disk_full(false);
    sim_now += 60 * S;
    keys_world_settle(keys);
    struct keyring_record record = keys_world_published();
    for (uint32_t i = 0; i < record.n; i++) {
        char hex[9];
        snprintf(hex, sizeof hex, "%02x%02x%02x%02x", record.entry[i].secret[0],
                 record.entry[i].secret[1], record.entry[i].secret[2], record.entry[i].secret[3]);
        assert_false(log_recorder_has(hex));
    }
    keys_close(keys);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_files_cost_new_keys, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(previous_generation_serves, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(no_directory_fails_the_first_start, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(full_disk_postpones_the_rotation, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(full_disk_forces_the_rotation_after_a_day, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(hanging_disk_holds_nobody_up, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_rotation_that_is_asked_for_waits_for_the_disk,
                                        keys_world_setup, keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_rotation_that_is_asked_for_fails, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(hanging_write_of_ages_is_made_good, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(close_in_the_middle_of_a_rotation, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(log_holds_no_key, keys_world_setup, keys_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
