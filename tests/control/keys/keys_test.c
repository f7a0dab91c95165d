// Control's cookie keys over simulated days: rotation, retention, restarts.
#include "control/keys/keys.h"

#include "control/keys/key_file.h"
#include "crypto/cookie.h"
#include "tests/control/keys/keys_world.h"
#include "tests/control/log_recorder.h"
#include "tests/crypto/registers_held.h"

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void first_start_makes_keys_and_file(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    struct stat st;
    assert_int_equal(stat(keys_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    keys_world_check_durable();
    struct keys_line line[KEYS_LINES];
    assert_int_equal(keys_describe(keys, sim_now + 5 * S, line), 2);
    assert_string_equal(line[0].role, "current");
    assert_string_equal(line[1].role, "future");
    assert_int_equal(line[0].age_s, 5);
    assert_false(log_recorder_has("warning"));
    assert_false(keys_failing(keys));
    keys_close(keys);
    keys_close(NULL);
}

// Published, keys are gone from the registers of control's thread.
static void no_key_stays_in_a_register(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    static uint8_t held[REGISTERS_MAX][REGISTER_WIDEST];
    keys_publish(keys, &keys_ring);
    registers_read(held);
    struct keyring_record record = keys_world_published();
    assert_int_equal(record.n, 2);
    for (unsigned i = 0; i < record.n; i++)
        assert_false(registers_hold(held, record.entry[i].secret, COOKIE_KEY_LEN));
    // Likewise handed to the writer.
    sim_now += DAY;
    keys_turn(keys, &keys_ring, sim_now);
    registers_read(held);
    keys_world_settle(keys);
    struct key_set set = keys_world_on_disk();
    assert_int_equal(set.generation, 2);
    for (unsigned i = 0; i < set.n; i++)
        assert_false(registers_hold(held, set.key[i].secret, COOKIE_KEY_LEN));
    keys_close(keys);
}

// CK-5, CK-6: a rotation comes when it is due and not before; what seals was published a whole
// rotation earlier; old keys stay for `keep` rotations.
static void rotates_by_age(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    uint32_t current[12];
    for (unsigned r = 0; r < 12; r++) {
        struct keyring_record before = keys_world_published();
        current[r] = before.entry[before.current].id;
        uint64_t start = sim_now, n = keys_world_publications();
        sim_now = start + DAY - 1;
        keys_world_settle(keys);
        assert_int_equal(keys_world_publications(), n);
        sim_now = start + DAY;
        keys_world_settle(keys);
        assert_int_equal(keys_world_publications(), n + 1);

        struct keyring_record after = keys_world_published();
        assert_int_equal(after.entry[after.current].id, before.entry[1].id);
        unsigned n_old = r + 1 < 3 ? r + 1 : 3;
        assert_int_equal(after.n, 2 + n_old);
        for (unsigned i = 0; i < n_old; i++)
            assert_int_equal(after.entry[2 + i].id, current[r - i]);
        keys_world_check_durable();
    }
    struct keys_line line[KEYS_LINES];
    assert_int_equal(keys_describe(keys, sim_now, line), 5);
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
    keys_config.keys.rotate_s = 1;
    struct keys *keys = keys_world_open();
    enum { RETAINED = 4 }; // the current key's and those of the three old ones
    uint8_t cookie[RETAINED][COOKIE_LEN], secret[COOKIE_KEYS_LEN], out[COOKIE_KEYS_LEN];
    uint8_t nonce[COOKIE_NONCE_LEN] = {0};
    struct keyring_view view = {0};
    for (unsigned r = 0; r < 100; r++) {
        assert_true(keyring_refresh(&keys_ring, &view));
        memset(secret, (int)r, sizeof secret);
        cookie_seal(&view.key[view.current], nonce, secret, COOKIE_KEYS_LEN, cookie[r % RETAINED]);
        for (unsigned i = 0; i < RETAINED && i <= r; i++) {
            const uint8_t *old = cookie[(r - i) % RETAINED];
            const struct cookie_key *key =
                keyring_find(&view, (uint32_t)old[0] << 24 | (uint32_t)old[1] << 16 |
                                        (uint32_t)old[2] << 8 | old[3]);
            assert_non_null(key);
            assert_true(cookie_open(key, old, out, COOKIE_KEYS_LEN));
            assert_int_equal(out[0], r - i);
        }
        sim_now += S;
        keys_world_settle(keys);
    }
    keyring_view_wipe(&view);
    keys_close(keys);
}

// CK-7, P5: a restart keeps every key, its place and its age.
static void restart_keeps_all_keys(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    for (int r = 0; r < 5; r++) {
        sim_now += DAY;
        keys_world_settle(keys);
    }
    struct keyring_record before = keys_world_published();
    struct keys_line was[KEYS_LINES], is[KEYS_LINES];
    size_t n = keys_describe(keys, sim_now, was);
    assert_int_equal(n, 5);
    keys_close(keys);

    memset(&keys_ring, 0, sizeof keys_ring);
    keys = keys_world_open();
    struct keyring_record after = keys_world_published();
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(keys_describe(keys, sim_now, is), n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(is[i].age_s, was[i].age_s);
    // The next rotation comes when it would have come.
    uint64_t published_before = keys_world_publications();
    sim_now += DAY - S;
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), published_before);
    sim_now += S;
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), published_before + 1);
    keys_close(keys);
}

// F13: a refused file is replaced, but kept, so that an operator can still repair it.
static void a_refused_file_is_kept(void **state)
{
    (void)state;
    char refused[sizeof keys_path + 16];
    struct stat before, after;
    keys_close(keys_world_open());
    assert_int_equal(chmod(keys_path, 0640), 0);
    assert_int_equal(stat(keys_path, &before), 0);
    keys_close(keys_world_open());
    snprintf(refused, sizeof refused, "%s.refused", keys_path);
    assert_int_equal(stat(refused, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(stat(keys_path, &after), 0);
    assert_int_equal(after.st_mode & 0777, 0600);
}

// CK-7: an age outlives reboots, so that a machine that never stays up for a whole interval rotates
// all the same.
static void ages_are_stored_now_and_then(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    uint64_t next = keys_world_settle(keys);
    assert_true(next <= sim_now + 3 * HOUR + S);
    sim_now += 3 * HOUR + S;
    keys_world_settle(keys);
    struct key_file_moment rebooted = {.boot = {1}, .now_ns = 0};
    struct key_set set;
    assert_int_equal(key_file_read(keys_path, &rebooted, &set), KEY_FILE_GOOD);
    assert_true(key_set_age(&set, 0) >= (int64_t)(3 * HOUR));
    assert_int_equal(set.generation, 1);
    keys_close(keys);
}

// A key of which the search leaves no copy: its first octets, inverted.
static uint64_t inverted;

static void mark_current_key(void)
{
    enum { AT = offsetof(struct keyring_record, entry[KEY_CURRENT].secret) / 8 };
    static_assert(offsetof(struct keyring_record, entry[KEY_CURRENT].secret) % 8 == 0, "words");
    uint64_t sequence = atomic_load(&keys_ring.sequence);
    inverted = ~atomic_load(&keys_ring.slot[sequence % 2][AT]);
}

// How often the key is in the memory that this process may write.
static unsigned copies_of_marked_key(void)
{
    unsigned n = 0;
    char line[512], rights[8];
    unsigned long from, to;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || strncmp(rights, "rw", 2) != 0)
            continue;
        for (const char *at = (const char *)from; at + sizeof inverted <= (const char *)to; at++) {
            uint64_t word;
            memcpy(&word, at, sizeof word);
            n += word == ~inverted;
        }
    }
    fclose(maps);
    return n;
}

// CK-8: a key that is retired is gone from the memory of the process: from the board, from what is
// in use, and from what was handed to the thread that writes.
static void a_retired_key_is_wiped_from_memory(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("# a sanitizer's shadow of the memory is too large to be searched\n");
        skip();
    }
    keys_config.keys.keep = 0;
    struct keys *keys = keys_world_open();
    mark_current_key();
    assert_true(copies_of_marked_key() > 0);
    sim_now += DAY;
    uint64_t next = keys_world_settle(keys);
    assert_true(next > sim_now);
    assert_int_equal(copies_of_marked_key(), 0);

    // The set in use is in the memory of the keys and in both slots of the board, nowhere else.
    mark_current_key();
    assert_int_equal(copies_of_marked_key(), 3);
    keys_close(keys);
}

// Every path that the schema takes is taken here; one octet more is refused, not cut.
static void the_longest_path_is_taken(void **state)
{
    (void)state;
    static char path[KEY_PATH_MAX + 2];
    struct config config = keys_config;
    struct keys *keys;
    config.keys.file = path;
    for (unsigned more = 0; more < 2; more++) {
        size_t len = KEY_PATH_MAX + more;
        size_t n = (size_t)snprintf(path, sizeof path, "%s", keys_directory);
        for (; n + strlen("/keys") < len; n++)
            path[n] = '/';
        snprintf(path + n, sizeof path - n, "/keys");
        assert_int_equal(strlen(path), len);
        assert_int_equal(keys_open(&config, &keys), more == 0 ? 0 : -ENAMETOOLONG);
        if (more == 0)
            keys_close(keys);
    }
}

// A rotation that is asked for comes at once, is durable when it is told of, and a whole interval
// follows; the keys that it wiped are named.
static void rotates_when_asked(void **state)
{
    (void)state;
    struct keys *keys = keys_world_open();
    struct keys_schedule schedule;
    assert_int_equal(keys_outcome(keys)->asked, KEYS_NOT_ASKED);
    for (unsigned r = 0; r < 6; r++) {
        const struct key_set before = keys_world_on_disk();
        sim_now += HOUR;
        keys_schedule(keys, sim_now, &schedule);
        assert_int_equal(schedule.next_s, 23 * 3600);
        assert_false(schedule.rotating);
        assert_null(keys_ask_rotation(keys));
        assert_int_equal(keys_outcome(keys)->asked, KEYS_ASKED);
        assert_non_null(keys_ask_rotation(keys)); // one at a time
        keys_world_settle(keys);
        assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATED);
        keys_world_check_durable();
        const struct key_set after = keys_world_on_disk();
        assert_int_equal(after.generation, before.generation + 1);
        assert_int_equal(after.key[KEY_CURRENT].id, before.key[KEY_FUTURE].id);
        assert_int_equal(keys_outcome(keys)->n_wiped, r < 3 ? 0 : 1); // three old ones are kept
        if (r >= 3)
            assert_int_equal(keys_outcome(keys)->wiped[0], before.key[before.n - 1].id);
        keys_schedule(keys, sim_now, &schedule);
        assert_int_equal(schedule.next_s, 24 * 3600);
    }
    assert_int_equal(schedule.keep, 3);
    assert_int_equal(schedule.rotate_s, 24 * 3600);
    sim_now += DAY;
    keys_schedule(keys, sim_now, &schedule);
    assert_true(schedule.rotating && schedule.next_s == 0);
    keys_close(keys);
}

// A key that has sealed as many cookies as it may makes way at once.
static void a_worn_key_makes_way(void **state)
{
    (void)state;
    const uint64_t most = UINT64_C(1) << 44;
    struct keys *keys = keys_world_open();
    const struct keyring_record before = keys_world_published();
    const uint32_t current = before.entry[KEY_CURRENT].id, future = before.entry[KEY_FUTURE].id;
    const uint64_t n = keys_world_publications();
    assert_false(keys_note_sealed(keys, current, most - 1));
    assert_false(keys_note_sealed(keys, future, most)); // another key's
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n);
    assert_true(keys_note_sealed(keys, current, most));
    assert_false(keys_note_sealed(keys, current, most + 1)); // once
    assert_true(log_recorder_has("as many as a key may"));
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    assert_int_equal(keys_world_published().entry[KEY_CURRENT].id, future);
    keys_world_check_durable();
    assert_false(keys_note_sealed(keys, current, most + 2)); // counted late
    keys_world_settle(keys);
    assert_int_equal(keys_world_publications(), n + 1);
    keys_close(keys);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_start_makes_keys_and_file, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(no_key_stays_in_a_register, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(rotates_by_age, keys_world_setup, keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_worn_key_makes_way, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(rotates_when_asked, keys_world_setup, keys_world_teardown),
        cmocka_unit_test_setup_teardown(cookies_live_through_rotations, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(restart_keeps_all_keys, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_refused_file_is_kept, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(ages_are_stored_now_and_then, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(a_retired_key_is_wiped_from_memory, keys_world_setup,
                                        keys_world_teardown),
        cmocka_unit_test_setup_teardown(the_longest_path_is_taken, keys_world_setup,
                                        keys_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
