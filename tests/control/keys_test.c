// The cookie keys in control's hands, over simulated days: rotation, retention, restarts, and disks
// that fail or hang.
#include "control/keys.h"

#include "board/keyring.h"
#include "control/key_file.h"
#include "crypto/cookie.h"
#include "tests/control/log_recorder.h"

#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)

// A disk that hangs: while set, fsync waits for the semaphore.
static atomic_bool fsync_hangs;
static sem_t fsync_goes_on;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (atomic_load(&fsync_hangs))
        sem_wait(&fsync_goes_on);
    return __real_fsync(fd);
}

static char directory[64], path[96];
static struct config config;
static struct snapshot ring;
static uint64_t now;

// F6: nobody in here may ask for the calendar's time; who does ends the test. Monotonic time is the
// test's own.
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
time_t __wrap_time(time_t *t);
int __wrap_gettimeofday(struct timeval *t, void *zone);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME)
        abort();
    *t = (struct timespec){.tv_sec = (time_t)(now / S), .tv_nsec = (long)(now % S)};
    return 0;
}
time_t __wrap_time(time_t *t)
{
    (void)t;
    abort();
}
int __wrap_gettimeofday(struct timeval *t, void *zone)
{
    (void)t;
    (void)zone;
    abort();
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/noonmark-keys-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/keys", directory);
    memset(&config, 0, sizeof config);
    config.keys.file = path;
    config.keys.rotate_s = 86400;
    config.keys.keep = 3;
    memset(&ring, 0, sizeof ring);
    log_recorder_clear();
    now = 1000 * S;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static struct keys *open_keys(void)
{
    struct keys *keys = NULL;
    assert_int_equal(keys_open(&config, &keys), 0);
    keys_publish(keys, &ring);
    return keys;
}

// Turns until the writer has nothing under way; returns when to call again.
static uint64_t settle(struct keys *keys)
{
    for (;;) {
        uint64_t next = keys_turn(keys, &ring, now);
        if (next != now + S / 100)
            return next;
        usleep(100);
    }
}

static struct keyring_record published(void)
{
    struct keyring_record record;
    uint64_t seen;
    assert_true(snapshot_read(&ring, &record, sizeof record, &seen));
    return record;
}

static uint64_t publications(void)
{
    return atomic_load(&ring.sequence);
}

static struct key_set on_disk(void)
{
    struct key_file_moment moment;
    struct key_set set;
    assert_int_equal(key_file_moment_now(&moment), 0);
    assert_int_equal(key_file_read(path, &moment, &set), KEY_FILE_GOOD);
    return set;
}

// F12: what is published is also in the file.
static void check_durable(void)
{
    struct keyring_record record = published();
    struct key_set set = on_disk();
    assert_int_equal(record.n, set.n);
    for (uint32_t i = 0; i < set.n; i++) {
        assert_int_equal(record.entry[i].id, set.key[i].id);
        assert_memory_equal(record.entry[i].secret, set.key[i].secret, COOKIE_KEY_LEN);
    }
}

static void first_start_makes_keys_and_file(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    check_durable();
    struct keys_line line[KEYS_LINES];
    assert_int_equal(keys_describe(keys, now + 5 * S, line), 2);
    assert_string_equal(line[0].role, "current");
    assert_string_equal(line[1].role, "future");
    assert_int_equal(line[0].age_s, 5);
    assert_false(log_recorder_has("warning"));
    assert_false(keys_failing(keys));
    keys_close(keys);
    keys_close(NULL);
}

// CK-5, CK-6: a rotation comes when it is due and not before; what seals was published a whole
// rotation earlier; old keys stay for `keep` rotations.
static void rotates_by_age(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    uint32_t current[12];
    for (unsigned r = 0; r < 12; r++) {
        struct keyring_record before = published();
        current[r] = before.entry[before.current].id;
        uint64_t start = now, n = publications();
        now = start + DAY - 1;
        settle(keys);
        assert_int_equal(publications(), n);
        now = start + DAY;
        settle(keys);
        assert_int_equal(publications(), n + 1);

        struct keyring_record after = published();
        assert_int_equal(after.entry[after.current].id, before.entry[1].id);
        unsigned n_old = r + 1 < 3 ? r + 1 : 3;
        assert_int_equal(after.n, 2 + n_old);
        for (unsigned i = 0; i < n_old; i++)
            assert_int_equal(after.entry[2 + i].id, current[r - i]);
        check_durable();
    }
    struct keys_line line[KEYS_LINES];
    assert_int_equal(keys_describe(keys, now, line), 5);
    assert_string_equal(line[4].role, "old");
    assert_int_equal(line[1].age_s, 0);
    assert_int_equal(line[0].age_s, 86400);
    keys_close(keys);
}

// F16, P4: over 100 rotations every cookie within retention is opened, by a reader that looks only
// now and then.
static void cookies_live_through_rotations(void **state)
{
    (void)state;
    config.keys.rotate_s = 1;
    struct keys *keys = open_keys();
    enum { RETAINED = 4 }; // the current key's and those of the three old ones
    uint8_t cookie[RETAINED][COOKIE_LEN], secret[COOKIE_KEYS_LEN], out[COOKIE_KEYS_LEN];
    uint8_t nonce[COOKIE_NONCE_LEN] = {0};
    struct keyring_view view = {0};
    for (unsigned r = 0; r < 100; r++) {
        assert_true(keyring_refresh(&ring, &view));
        memset(secret, (int)r, sizeof secret);
        cookie_seal(&view.key[view.current], nonce, secret, cookie[r % RETAINED]);
        for (unsigned i = 0; i < RETAINED && i <= r; i++) {
            const uint8_t *old = cookie[(r - i) % RETAINED];
            const struct cookie_key *key =
                keyring_find(&view, (uint32_t)old[0] << 24 | (uint32_t)old[1] << 16 |
                                        (uint32_t)old[2] << 8 | old[3]);
            assert_non_null(key);
            assert_true(cookie_open(key, old, out));
            assert_int_equal(out[0], r - i);
        }
        now += S;
        settle(keys);
    }
    keyring_view_wipe(&view);
    keys_close(keys);
}

// CK-7, P5: a restart keeps every key, its place and its age.
static void restart_keeps_all_keys(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    for (int r = 0; r < 5; r++) {
        now += DAY;
        settle(keys);
    }
    struct keyring_record before = published();
    struct keys_line was[KEYS_LINES], is[KEYS_LINES];
    size_t n = keys_describe(keys, now, was);
    assert_int_equal(n, 5);
    keys_close(keys);

    memset(&ring, 0, sizeof ring);
    keys = open_keys();
    struct keyring_record after = published();
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(keys_describe(keys, now, is), n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(is[i].age_s, was[i].age_s);
    // The next rotation comes when it would have come.
    uint64_t published_before = publications();
    now += DAY - S;
    settle(keys);
    assert_int_equal(publications(), published_before);
    now += S;
    settle(keys);
    assert_int_equal(publications(), published_before + 1);
    keys_close(keys);
}

// CK-7: an age outlives reboots, so that a machine that never stays up for a whole interval rotates
// all the same.
static void ages_are_stored_now_and_then(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    uint64_t next = settle(keys);
    assert_true(next <= now + 3 * HOUR + S);
    now += 3 * HOUR + S;
    settle(keys);
    struct key_file_moment rebooted = {.boot = {1}, .now_ns = 0};
    struct key_set set;
    assert_int_equal(key_file_read(path, &rebooted, &set), KEY_FILE_GOOD);
    assert_true(key_set_age(&set, 0) >= (int64_t)(3 * HOUR));
    assert_int_equal(set.generation, 1);
    keys_close(keys);
}

// F13: both generations bad. New keys, a loud warning, no crash.
static void bad_files_cost_new_keys(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    fputs("torn", file);
    fclose(file);
    struct keys *keys = open_keys();
    assert_true(log_recorder_has("warning: NO USABLE KEY FILE"));
    check_durable();
    keys_close(keys);
}

// F13: FILE is bad and FILE.1 is not: it serves, and FILE is written anew at once.
static void previous_generation_serves(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    now += DAY;
    settle(keys);
    keys_close(keys);
    struct keyring_record before = published();
    assert_int_equal(truncate(path, 100), 0); // FILE.1 holds the same set, stored at the close

    keys = open_keys();
    assert_true(log_recorder_has("refused"));
    struct keyring_record after = published();
    assert_memory_equal(&before, &after, sizeof before);
    settle(keys);
    check_durable();
    keys_close(keys);
}

// F26: without a place for the first keys the start fails.
static void no_directory_fails_the_first_start(void **state)
{
    (void)state;
    char missing[128];
    snprintf(missing, sizeof missing, "%s/missing/keys", directory);
    config.keys.file = missing;
    struct keys *keys = NULL;
    assert_int_equal(keys_open(&config, &keys), -ENOENT);
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
    struct keys *keys = open_keys();
    uint64_t n = publications();
    disk_full(true);
    now += DAY;
    for (int minute = 0; minute < 5; minute++) {
        uint64_t next = settle(keys);
        assert_true(next == now + 60 * S);
        assert_true(keys_failing(keys));
        assert_true(log_recorder_has("error: cannot write key file"));
        assert_int_equal(publications(), n);
        check_durable();
        log_recorder_clear();
        now += 59 * S;
        settle(keys);
        assert_false(log_recorder_has("error")); // not before the minute is over
        now += S;
    }
    disk_full(false);
    settle(keys);
    assert_false(keys_failing(keys));
    assert_true(log_recorder_has("is written again"));
    assert_int_equal(publications(), n + 1);
    check_durable();
    // A whole interval follows.
    now += DAY - S;
    settle(keys);
    assert_int_equal(publications(), n + 1);
    now += S;
    settle(keys);
    assert_int_equal(publications(), n + 2);
    keys_close(keys);
}

// F12: after a day the rotation is forced, with an alarm; the key that then seals was in the file
// before, so a restart still knows every cookie.
static void full_disk_forces_the_rotation_after_a_day(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    uint64_t n = publications();
    disk_full(true);
    now += DAY;
    uint64_t end = now + DAY;
    for (; now < end; now += 3600 * S) {
        settle(keys);
        assert_int_equal(publications(), n);
    }
    assert_false(log_recorder_has("ALARM"));
    log_recorder_clear();
    settle(keys);
    assert_int_equal(publications(), n + 1);
    assert_true(log_recorder_has("ALARM"));
    struct keyring_record forced = published();
    struct key_set set = on_disk();
    assert_int_equal(forced.entry[forced.current].id, set.key[KEY_FUTURE].id);

    // The set in use reaches the file once there is room.
    disk_full(false);
    now += 60 * S;
    settle(keys);
    assert_int_equal(publications(), n + 1);
    check_durable();
    keys_close(keys);
}

// F12: fsync that does not return. No turn waits for it, nothing rotates before it ends; after a
// day the rotation is forced, and a late end changes nothing.
static void hanging_disk_holds_nobody_up(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    uint64_t n = publications();
    sem_init(&fsync_goes_on, 0, 0);
    atomic_store(&fsync_hangs, true);
    now += DAY;
    for (int i = 0; i < 24; i++, now += HOUR) {
        assert_true(keys_turn(keys, &ring, now) == now + S / 100);
        assert_int_equal(publications(), n);
    }
    keys_turn(keys, &ring, now);
    assert_int_equal(publications(), n + 1);
    assert_true(log_recorder_has("ALARM"));
    struct keyring_record forced = published();

    atomic_store(&fsync_hangs, false);
    sem_post(&fsync_goes_on);
    settle(keys);
    assert_int_equal(publications(), n + 1);
    struct keyring_record after = published();
    assert_memory_equal(&forced, &after, sizeof forced);
    check_durable();
    keys_close(keys);
}

// The same while the write that hangs only stores ages: when it ends, the file holds the set before
// the one in use, which then follows.
static void hanging_write_of_ages_is_made_good(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    sem_init(&fsync_goes_on, 0, 0);
    atomic_store(&fsync_hangs, true);
    now += 3 * HOUR;
    keys_turn(keys, &ring, now);
    now += DAY;
    keys_turn(keys, &ring, now);
    now += DAY;
    uint64_t n = publications();
    keys_turn(keys, &ring, now);
    assert_int_equal(publications(), n + 1);

    atomic_store(&fsync_hangs, false);
    sem_post(&fsync_goes_on);
    settle(keys);
    assert_int_equal(publications(), n + 1);
    check_durable();
    keys_close(keys);
}

// The close waits for the writer and takes its set along.
static void close_in_the_middle_of_a_rotation(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    now += DAY;
    keys_turn(keys, &ring, now);
    keys_close(keys);
    struct keyring_record before = published();
    struct key_set set = on_disk();
    assert_int_equal(set.generation, 2);
    assert_int_equal(set.key[KEY_CURRENT].id, before.entry[1].id);
    assert_int_equal(set.key[KEY_OLD].id, before.entry[0].id);
    assert_false(log_recorder_has("warning"));
}

// P6: no key octet in the log.
static void log_holds_no_key(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    disk_full(true);
    now += DAY;
    settle(keys);
    disk_full(false);
    now += 60 * S;
    settle(keys);
    struct keyring_record record = published();
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
        cmocka_unit_test_setup_teardown(first_start_makes_keys_and_file, setup, teardown),
        cmocka_unit_test_setup_teardown(rotates_by_age, setup, teardown),
        cmocka_unit_test_setup_teardown(cookies_live_through_rotations, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_keeps_all_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(ages_are_stored_now_and_then, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_files_cost_new_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(previous_generation_serves, setup, teardown),
        cmocka_unit_test_setup_teardown(no_directory_fails_the_first_start, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_postpones_the_rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_forces_the_rotation_after_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(hanging_disk_holds_nobody_up, setup, teardown),
        cmocka_unit_test_setup_teardown(hanging_write_of_ages_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(close_in_the_middle_of_a_rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(log_holds_no_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
