// The key file: which files are read, and which are refused.
#include "control/keys/key_file.h"

#include "control/keys/key_file_format.h"
#include "crypto/cookie.h"
#include "tests/control/keys/key_place.h"
#include "tests/control/log_recorder.h"
#include "tests/crypto/registers_held.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void round_trip(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    struct key_set out;
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_NONE);
    for (uint32_t n = 2; n <= KEY_SET_MAX; n++) {
        struct key_set set = key_place_set(n, n);
        set.key[1].foreign_ad = 1;
        assert_int_equal(key_file_write(key_path, &key_moment, &set), 0);
        assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
        assert_true(key_place_same(&set, &out));
        struct stat st;
        assert_int_equal(stat(key_path, &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        assert_int_equal(st.st_size, KEY_FILE_LEN);
        assert_int_equal(access(key_aside, F_OK), -1);
    }
    umask(mask);
    // FILE.1 is the generation before.
    struct key_set before = key_place_set(7, 7);
    before.key[1].foreign_ad = 1;
    unlink(key_path);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_PREVIOUS);
    assert_true(key_place_same(&before, &out));
    assert_false(log_recorder_has("error"));
}

// CK-7, F6: ages are monotonic. On the same boot they go on through the time between; on another
// they go on from what was stored.
static void ages_go_on(void **state)
{
    (void)state;
    struct key_set set = key_place_set(3, 4), out;
    assert_int_equal(key_file_write(key_path, &key_moment, &set), 0);

    struct key_file_moment later = key_moment;
    later.now_ns += INT64_C(3600000000000);
    assert_int_equal(key_file_read(key_path, &later, &out), KEY_FILE_GOOD);
    assert_true(key_place_same(&set, &out)); // made at the same instant, hence an hour older

    struct key_file_moment rebooted = {.boot = {9}, .now_ns = 42};
    assert_int_equal(key_file_read(key_path, &rebooted, &out), KEY_FILE_GOOD);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(42 - out.key[i].made_ns == key_moment.now_ns - set.key[i].made_ns);

    // A clock that runs behind the file's is not that boot's.
    struct key_file_moment behind = key_moment;
    behind.now_ns = 1000;
    assert_int_equal(key_file_read(key_path, &behind, &out), KEY_FILE_GOOD);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(1000 - out.key[i].made_ns == key_moment.now_ns - set.key[i].made_ns);
}

// F13: FILE is refused with that reason; FILE.1 serves if there is one, and nothing else does.
static void refuses(const char *reason)
{
    struct key_set good = key_place_set(1, 3), out;
    unlink(key_previous);
    log_recorder_clear();
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_BAD);
    if (!log_recorder_has(reason))
        fail_msg("not refused for: %s", reason);
    key_place_put_set(key_previous, &good);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_PREVIOUS);
    assert_true(key_place_same(&good, &out));
}

// F13: torn anywhere, empty, or with something behind.
static void torn_files_are_refused(void **state)
{
    (void)state;
    struct key_set set = key_place_set(2, 8);
    uint8_t octets[KEY_FILE_LEN + 1] = {0};
    key_file_encode(&set, &key_moment, octets);
    for (size_t len = 0; len <= KEY_FILE_LEN + 1; len++)
        if (len != KEY_FILE_LEN) {
            key_place_put(key_path, octets, len);
            refuses("its length is wrong");
        }
}

// F13: any one bit.
static void flipped_bits_are_refused(void **state)
{
    (void)state;
    struct key_set set = key_place_set(2, 8), out;
    uint8_t octets[KEY_FILE_LEN];
    key_file_encode(&set, &key_moment, octets);
    assert_null(key_file_decode(octets, &key_moment, &out));
    for (size_t bit = 0; bit < 8 * KEY_FILE_LEN; bit++) {
        octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_non_null(key_file_decode(octets, &key_moment, &out));
        octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    octets[100] ^= 1;
    key_place_put(key_path, octets, sizeof octets);
    refuses("checksum");
}

// F13: not ours alone.
static void exposed_files_are_refused(void **state)
{
    (void)state;
    struct key_set set = key_place_set(2, 3);
    const mode_t modes[] = {0604, 0640, 0620, 0602, 0610, 0601, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        key_place_put_set(key_path, &set);
        assert_int_equal(chmod(key_path, modes[i]), 0);
        refuses("other users have rights");
    }
    if (geteuid() == 0) {
        key_place_put_set(key_path, &set);
        assert_int_equal(chown(key_path, 64731, (gid_t)-1), 0);
        refuses("belongs to another user");
    }
}

// F13, O_NOFOLLOW: what is no plain file.
static void other_kinds_are_refused(void **state)
{
    (void)state;
    struct key_set set = key_place_set(2, 3);
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", key_directory);
    key_place_put_set(elsewhere, &set);
    assert_int_equal(symlink(elsewhere, key_path), 0);
    refuses("symbolic link");
    unlink(key_path);
    unlink(elsewhere);
    assert_int_equal(mkdir(key_path, 0700), 0);
    refuses("not a plain file");
    rmdir(key_path);
    assert_int_equal(mkfifo(key_path, 0600), 0);
    refuses("not a plain file");
}

// F13: whole and with a right checksum, but nothing that we wrote.
static void wrong_contents_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t at;
        uint8_t octet;
        const char *reason;
    } rows[] = {
        {0, 'N', "not a key file"},           {19, 2, "another version"},
        {23, 0, "not contain a set of keys"}, {23, 1, "not contain a set of keys"},
        {23, 9, "not contain a set of keys"}, {20, 1, "not contain a set of keys"},
        {72, 0x80, "impossible age"},         {67, 203, "share an id"},
    };
    struct key_set set = key_place_set(2, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t octets[KEY_FILE_LEN];
        key_file_encode(&set, &key_moment, octets);
        octets[rows[i].at] = rows[i].octet;
        SHA256(octets, KEY_FILE_LEN - 32, octets + KEY_FILE_LEN - 32);
        key_place_put(key_path, octets, sizeof octets);
        refuses(rows[i].reason);
    }
}

// Threat table, 'stale/rolled back keys': a backup in the place of FILE is older than FILE.1.
static void rolled_back_file_is_not_taken(void **state)
{
    (void)state;
    struct key_set older = key_place_set(4, 3), newer = key_place_set(5, 3), out;
    key_place_put_set(key_path, &older);
    key_place_put_set(key_previous, &newer);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_PREVIOUS);
    assert_true(key_place_same(&newer, &out));
    assert_true(log_recorder_has("older"));
    unlink(key_previous);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
    assert_true(key_place_same(&older, &out)); // nothing else is there
}

static void moment_is_of_this_boot(void **state)
{
    (void)state;
    struct key_file_moment a = {0}, b = {0}, zero = {0};
    assert_int_equal(key_file_moment_now(&a), 0);
    assert_int_equal(key_file_moment_now(&b), 0);
    assert_memory_equal(a.boot, b.boot, sizeof a.boot);
    assert_memory_not_equal(a.boot, zero.boot, sizeof a.boot);
    assert_true(b.now_ns >= a.now_ns);
}

static void expect_no_key_held(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST],
                               const struct key_set *set)
{
    for (uint32_t i = 0; i < set->n; i++)
        assert_false(registers_hold(held, set->key[i].secret, COOKIE_KEY_LEN));
}

// CK-5: the thread that writes the file sleeps for a whole rotation afterwards.
static void no_key_stays_in_a_register(void **state)
{
    (void)state;
    static uint8_t held[REGISTERS_MAX][REGISTER_WIDEST];
    struct key_set set = key_place_set(3, KEY_SET_MAX), next = key_place_set(4, 2), out;
    assert_int_equal(key_file_write(key_path, &key_moment, &set), 0);
    registers_read(held);
    expect_no_key_held(held, &set);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
    registers_read(held);
    expect_no_key_held(held, &set);
    assert_int_equal(key_file_write(key_path, &key_moment, &next), 0); // `set` is the previous one
    registers_read(held);
    expect_no_key_held(held, &set);
    expect_no_key_held(held, &next);
    assert_int_equal(key_file_replace(key_path, &key_moment, &set), 0);
    registers_read(held);
    expect_no_key_held(held, &set);
    expect_no_key_held(held, &next);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, key_place_setup, key_place_teardown),
        cmocka_unit_test_setup_teardown(ages_go_on, key_place_setup, key_place_teardown),
        cmocka_unit_test_setup_teardown(torn_files_are_refused, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(flipped_bits_are_refused, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(exposed_files_are_refused, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(other_kinds_are_refused, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(wrong_contents_are_refused, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(rolled_back_file_is_not_taken, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(moment_is_of_this_boot, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(no_key_stays_in_a_register, key_place_setup,
                                        key_place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
