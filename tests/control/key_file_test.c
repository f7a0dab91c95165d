// The key file: what is read back, what is refused, and what a writer leaves that was killed or
// failed at any of its system calls.
#include "control/key_file.h"

#include "control/key_file_format.h"
#include "crypto/bytes.h"
#include "tests/control/log_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// Injection. Armed, every wrapped call is a step; at step kill_at the process ends before the call,
// at step fail_at the call fails with fail_errno. A write that is killed has written kill_octets.
static struct {
    bool armed;
    int step, kill_at, fail_at, fail_errno;
    size_t kill_octets;
} inject;

static bool step_fails(void)
{
    if (!inject.armed)
        return false;
    int step = inject.step++;
    if (step == inject.kill_at)
        _exit(99);
    errno = inject.fail_errno;
    return step == inject.fail_at;
}

// The linker sends the calls of the code under test here.
int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *at, size_t len);
ssize_t __real_write(int fd, const void *at, size_t len);
int __real_fsync(int fd);
int __real_close(int fd);
int __real_unlink(const char *path);
int __real_link(const char *from, const char *to);
int __real_rename(const char *from, const char *to);
int __real_fstat(int fd, struct stat *st);
int __real_fstat64(int fd, void *st);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
ssize_t __wrap_read(int fd, void *at, size_t len);
ssize_t __wrap_write(int fd, const void *at, size_t len);
int __wrap_fsync(int fd);
int __wrap_close(int fd);
int __wrap_unlink(const char *path);
int __wrap_link(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat64(int fd, void *st);

int __wrap_open(const char *path, int flags, mode_t mode)
{
    return step_fails() ? -1 : __real_open(path, flags, mode);
}
int __wrap_open64(const char *path, int flags, mode_t mode)
{
    return step_fails() ? -1 : __real_open64(path, flags, mode);
}
ssize_t __wrap_read(int fd, void *at, size_t len)
{
    return step_fails() ? -1 : __real_read(fd, at, len);
}
ssize_t __wrap_write(int fd, const void *at, size_t len)
{
    if (inject.armed && inject.step == inject.kill_at && inject.kill_octets > 0)
        (void)!__real_write(fd, at, inject.kill_octets);
    return step_fails() ? -1 : __real_write(fd, at, len);
}
int __wrap_fsync(int fd)
{
    return step_fails() ? -1 : __real_fsync(fd);
}
int __wrap_close(int fd)
{
    bool fails = step_fails(); // closed all the same, as the kernel does
    int result = __real_close(fd);
    if (fails)
        errno = inject.fail_errno;
    return fails ? -1 : result;
}
int __wrap_unlink(const char *path)
{
    return step_fails() ? -1 : __real_unlink(path);
}
int __wrap_link(const char *from, const char *to)
{
    return step_fails() ? -1 : __real_link(from, to);
}
int __wrap_rename(const char *from, const char *to)
{
    return step_fails() ? -1 : __real_rename(from, to);
}
int __wrap_fstat(int fd, struct stat *st)
{
    return step_fails() ? -1 : __real_fstat(fd, st);
}
int __wrap_fstat64(int fd, void *st)
{
    return step_fails() ? -1 : __real_fstat64(fd, st);
}

static char directory[64], path[96], previous[96], aside[96];
static const struct key_file_moment now = {.boot = {1, 2, 3}, .now_ns = INT64_C(1000000000000)};

static void clean(void)
{
    unlink(path);
    rmdir(path);
    unlink(previous);
    unlink(aside);
}

static int setup(void **state)
{
    (void)state;
    memset(&inject, 0, sizeof inject);
    strcpy(directory, "/tmp/noonmark-key-file-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/keys", directory);
    snprintf(previous, sizeof previous, "%s/keys.1", directory);
    snprintf(aside, sizeof aside, "%s/keys.new", directory);
    log_recorder_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clean();
    return rmdir(directory);
}

static struct key_set set_of(uint64_t generation, uint32_t n)
{
    struct key_set set = {.generation = generation, .n = n};
    for (uint32_t i = 0; i < n; i++) {
        set.key[i].id = (uint32_t)generation * 100 + 2 * i;
        set.key[i].made_ns = now.now_ns - (int64_t)(i + 1) * 5000000007;
        memset(set.key[i].secret, (int)(16 * generation + i), COOKIE_KEY_LEN);
    }
    return set;
}

static void put(const char *to, const uint8_t *octets, size_t len)
{
    unlink(to);
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, len), len);
    close(fd);
}

static void put_set(const char *to, const struct key_set *set)
{
    uint8_t octets[KEY_FILE_LEN];
    key_file_encode(set, &now, octets);
    put(to, octets, sizeof octets);
}

static bool same(const struct key_set *a, const struct key_set *b)
{
    if (a->generation != b->generation || a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->key[i].id != b->key[i].id || a->key[i].made_ns != b->key[i].made_ns ||
            a->key[i].foreign_ad != b->key[i].foreign_ad ||
            memcmp(a->key[i].secret, b->key[i].secret, COOKIE_KEY_LEN) != 0)
            return false;
    return true;
}

static void round_trip(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    struct key_set out;
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_NONE);
    for (uint32_t n = 2; n <= KEY_SET_MAX; n++) {
        struct key_set set = set_of(n, n);
        set.key[1].foreign_ad = 1;
        assert_int_equal(key_file_write(path, &now, &set), 0);
        assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_GOOD);
        assert_true(same(&set, &out));
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        assert_int_equal(st.st_size, KEY_FILE_LEN);
        assert_int_equal(access(aside, F_OK), -1);
    }
    umask(mask);
    // FILE.1 is the generation before.
    struct key_set before = set_of(7, 7);
    before.key[1].foreign_ad = 1;
    unlink(path);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_PREVIOUS);
    assert_true(same(&before, &out));
    assert_false(log_recorder_has("error"));
}

// CK-7, F6: ages are monotonic. On the same boot they go on through the time between; on another
// they go on from what was stored.
static void ages_go_on(void **state)
{
    (void)state;
    struct key_set set = set_of(3, 4), out;
    assert_int_equal(key_file_write(path, &now, &set), 0);

    struct key_file_moment later = now;
    later.now_ns += INT64_C(3600000000000);
    assert_int_equal(key_file_read(path, &later, &out), KEY_FILE_GOOD);
    assert_true(same(&set, &out)); // made at the same instant, hence an hour older

    struct key_file_moment rebooted = {.boot = {9}, .now_ns = 42};
    assert_int_equal(key_file_read(path, &rebooted, &out), KEY_FILE_GOOD);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(42 - out.key[i].made_ns == now.now_ns - set.key[i].made_ns);

    // A clock that runs behind the file's is not that boot's.
    struct key_file_moment behind = now;
    behind.now_ns = 1000;
    assert_int_equal(key_file_read(path, &behind, &out), KEY_FILE_GOOD);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(1000 - out.key[i].made_ns == now.now_ns - set.key[i].made_ns);
}

// F13: FILE is refused with that reason; FILE.1 serves if there is one, and nothing else does.
static void refuses(const char *reason)
{
    struct key_set good = set_of(1, 3), out;
    unlink(previous);
    log_recorder_clear();
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_BAD);
    if (!log_recorder_has(reason))
        fail_msg("not refused for: %s", reason);
    put_set(previous, &good);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_PREVIOUS);
    assert_true(same(&good, &out));
}

// F13: torn anywhere, empty, or with something behind.
static void torn_files_are_refused(void **state)
{
    (void)state;
    struct key_set set = set_of(2, 8);
    uint8_t octets[KEY_FILE_LEN + 1] = {0};
    key_file_encode(&set, &now, octets);
    for (size_t len = 0; len <= KEY_FILE_LEN + 1; len++)
        if (len != KEY_FILE_LEN) {
            put(path, octets, len);
            refuses("its length is wrong");
        }
}

// F13: any one bit.
static void flipped_bits_are_refused(void **state)
{
    (void)state;
    struct key_set set = set_of(2, 8), out;
    uint8_t octets[KEY_FILE_LEN];
    key_file_encode(&set, &now, octets);
    assert_null(key_file_decode(octets, &now, &out));
    for (size_t bit = 0; bit < 8 * KEY_FILE_LEN; bit++) {
        octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_non_null(key_file_decode(octets, &now, &out));
        octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    octets[100] ^= 1;
    put(path, octets, sizeof octets);
    refuses("checksum");
}

// F13: not ours alone.
static void exposed_files_are_refused(void **state)
{
    (void)state;
    struct key_set set = set_of(2, 3);
    const mode_t modes[] = {0604, 0640, 0620, 0602, 0610, 0601, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        put_set(path, &set);
        assert_int_equal(chmod(path, modes[i]), 0);
        refuses("other users have rights");
    }
    if (geteuid() == 0) {
        put_set(path, &set);
        assert_int_equal(chown(path, 64731, (gid_t)-1), 0);
        refuses("belongs to another user");
    }
}

// F13, O_NOFOLLOW: what is no plain file.
static void other_kinds_are_refused(void **state)
{
    (void)state;
    struct key_set set = set_of(2, 3);
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", directory);
    put_set(elsewhere, &set);
    assert_int_equal(symlink(elsewhere, path), 0);
    refuses("symbolic link");
    unlink(path);
    unlink(elsewhere);
    assert_int_equal(mkdir(path, 0700), 0);
    refuses("not a plain file");
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
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
        {0, 'N', "no key file"},      {19, 2, "another version"}, {23, 0, "no set of keys"},
        {23, 1, "no set of keys"},    {23, 9, "no set of keys"},  {20, 1, "no set of keys"},
        {72, 0x80, "impossible age"}, {67, 203, "share an id"},
    };
    struct key_set set = set_of(2, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t octets[KEY_FILE_LEN];
        key_file_encode(&set, &now, octets);
        octets[rows[i].at] = rows[i].octet;
        SHA256(octets, KEY_FILE_LEN - 32, octets + KEY_FILE_LEN - 32);
        put(path, octets, sizeof octets);
        refuses(rows[i].reason);
    }
}

// Threat table, 'stale/rolled back keys': a backup in the place of FILE is older than FILE.1.
static void rolled_back_file_is_not_taken(void **state)
{
    (void)state;
    struct key_set older = set_of(4, 3), newer = set_of(5, 3), out;
    put_set(path, &older);
    put_set(previous, &newer);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_PREVIOUS);
    assert_true(same(&newer, &out));
    assert_true(log_recorder_has("older"));
    unlink(previous);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_GOOD);
    assert_true(same(&older, &out)); // nothing else is there
}

// F13 and F4 at once: while FILE is bad, FILE.1 is all there is; no step of the next write may lose
// it.
static void bad_file_does_not_push_out_the_previous(void **state)
{
    (void)state;
    struct key_set good = set_of(1, 3), next = set_of(2, 4), out;
    put(path, (const uint8_t *)"torn", 4);
    put_set(previous, &good);
    assert_int_equal(key_file_write(path, &now, &next), 0);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_GOOD);
    assert_true(same(&next, &out));
    unlink(path);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_PREVIOUS);
    assert_true(same(&good, &out));
}

// What is on disk after an interrupted write of `new` over `old` (with `older` as FILE.1): whole
// and one of the two, and the next write goes through.
static void check_survivor(const struct key_set *old, const struct key_set *new, bool must_be_new)
{
    struct key_set out, after = set_of(9, 5);
    log_recorder_clear();
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_GOOD);
    assert_true(same(&out, new) || (!must_be_new && same(&out, old)));
    assert_false(log_recorder_has("refused"));
    assert_int_equal(key_file_write(path, &now, &after), 0);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_GOOD);
    assert_true(same(&out, &after));
    assert_int_equal(access(aside, F_OK), -1);
}

// Runs one write in a child that ends at that step. True when it ended there.
static bool killed_at(int step, size_t octets, const struct key_set *new)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        inject.armed = true;
        inject.kill_at = step;
        inject.kill_octets = octets;
        inject.fail_at = -1;
        _exit(key_file_write(path, &now, new) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == 99;
}

// F4: killed before every system call of a write, and within the one that writes.
static void killed_writers_leave_a_whole_set(void **state)
{
    (void)state;
    struct key_set older = set_of(1, 2), old = set_of(2, 3), new = set_of(3, 4);
    int points = 0;
    for (int step = 0;; step++) {
        bool killed = false;
        for (size_t octets = 0; octets <= KEY_FILE_LEN; octets += 60) {
            clean();
            put_set(previous, &older);
            put_set(path, &old);
            killed = killed_at(step, octets, &new);
            points += killed;
            check_survivor(&old, &new, !killed);
        }
        if (!killed)
            break;
    }
    print_message("# %d kill points\n", points);
    assert_true(points / 9 >= 15);
    assert_true(points >= 20);
}

// F12, F19: every system call of a write fails in turn. An error is reported, and what is on disk
// is whole.
static void failing_calls_leave_a_whole_set(void **state)
{
    (void)state;
    struct key_set older = set_of(1, 2), old = set_of(2, 3), new = set_of(3, 4);
    const int errors[] = {ENOSPC, EIO, EROFS, EMFILE, EDQUOT};
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
        int reported = 0;
        for (int step = 0;; step++) {
            clean();
            put_set(previous, &older);
            put_set(path, &old);
            memset(&inject, 0, sizeof inject);
            inject.armed = true;
            inject.kill_at = -1;
            inject.fail_at = step;
            inject.fail_errno = errors[e];
            int err = key_file_write(path, &now, &new);
            inject.armed = false;
            assert_true(err == 0 || err == -errors[e]);
            reported += err != 0;
            check_survivor(&old, &new, err == 0);
            if (inject.step <= step)
                break;
        }
        assert_true(reported >= 9);
    }
}

// A killed writer's FILE.new, whatever it is, is in nobody's way.
static void leftovers_do_not_block(void **state)
{
    (void)state;
    struct key_set set = set_of(2, 3), out;
    assert_int_equal(symlink("/dev/null", aside), 0);
    assert_int_equal(key_file_write(path, &now, &set), 0);
    assert_int_equal(key_file_read(path, &now, &out), KEY_FILE_GOOD);
    assert_true(same(&set, &out));
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

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(ages_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(flipped_bits_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(exposed_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(other_kinds_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_contents_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(rolled_back_file_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_file_does_not_push_out_the_previous, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_writers_leave_a_whole_set, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_calls_leave_a_whole_set, setup, teardown),
        cmocka_unit_test_setup_teardown(leftovers_do_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(moment_is_of_this_boot, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
