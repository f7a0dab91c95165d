// The key file: the state on disk when a writer is killed or fails at any of its system calls.
#include "control/keys/key_file.h"

#include "tests/control/keys/key_place.h"
#include "tests/control/log_recorder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
int __real___open_2(const char *path, int flags);
int __real___open64_2(const char *path, int flags);
ssize_t __real_read(int fd, void *at, size_t len);
ssize_t __real___read_chk(int fd, void *at, size_t len, size_t room);
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
int __wrap___open_2(const char *path, int flags);
int __wrap___open64_2(const char *path, int flags);
ssize_t __wrap_read(int fd, void *at, size_t len);
ssize_t __wrap___read_chk(int fd, void *at, size_t len, size_t room);
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
int __wrap___open_2(const char *path, int flags)
{
    return step_fails() ? -1 : __real___open_2(path, flags);
}
int __wrap___open64_2(const char *path, int flags)
{
    return step_fails() ? -1 : __real___open64_2(path, flags);
}
ssize_t __wrap_read(int fd, void *at, size_t len)
{
    return step_fails() ? -1 : __real_read(fd, at, len);
}
ssize_t __wrap___read_chk(int fd, void *at, size_t len, size_t room)
{
    return step_fails() ? -1 : __real___read_chk(fd, at, len, room);
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

// F13 and F4 at once: while FILE is bad, FILE.1 is all there is; no step of the next write may lose
// it.
static void bad_file_does_not_push_out_the_previous(void **state)
{
    (void)state;
    struct key_set good = key_place_set(1, 3), next = key_place_set(2, 4), out;
    key_place_put(key_path, (const uint8_t *)"torn", 4);
    key_place_put_set(key_previous, &good);
    assert_int_equal(key_file_write(key_path, &key_moment, &next), 0);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
    assert_true(key_place_same(&next, &out));
    unlink(key_path);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_PREVIOUS);
    assert_true(key_place_same(&good, &out));
}

// What is on disk after an interrupted write of `new` over `old` (with `older` as FILE.1): whole
// and one of the two, and the next write goes through.
static void check_survivor(const struct key_set *old, const struct key_set *new, bool must_be_new)
{
    struct key_set out, after = key_place_set(9, 5);
    log_recorder_clear();
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
    assert_true(key_place_same(&out, new) || (!must_be_new && key_place_same(&out, old)));
    assert_false(log_recorder_has("refused"));
    assert_int_equal(key_file_write(key_path, &key_moment, &after), 0);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
    assert_true(key_place_same(&out, &after));
    assert_int_equal(access(key_aside, F_OK), -1);
}

// Runs one write in a child that ends at that step. True when it ended there.
static bool killed_at(bool alone, int step, size_t octets, const struct key_set *new)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        inject.step = 0;
        inject.armed = true;
        inject.kill_at = step;
        inject.kill_octets = octets;
        inject.fail_at = -1;
        int err = (alone ? key_file_replace : key_file_write)(key_path, &key_moment, new);
        _exit(err == 0 ? 0 : 1);
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
    struct key_set older = key_place_set(1, 2), old = key_place_set(2, 3),
                   new = key_place_set(3, 4);
    int points = 0;
    for (int step = 0;; step++) {
        bool killed = false;
        for (size_t octets = 0; octets <= KEY_FILE_LEN; octets += 60) {
            key_place_clean();
            key_place_put_set(key_previous, &older);
            key_place_put_set(key_path, &old);
            killed = killed_at(false, step, octets, &new);
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
    struct key_set older = key_place_set(1, 2), old = key_place_set(2, 3),
                   new = key_place_set(3, 4);
    const int errors[] = {ENOSPC, EIO, EROFS, EMFILE, EDQUOT};
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
        int reported = 0;
        for (int step = 0;; step++) {
            key_place_clean();
            key_place_put_set(key_previous, &older);
            key_place_put_set(key_path, &old);
            memset(&inject, 0, sizeof inject);
            inject.armed = true;
            inject.kill_at = -1;
            inject.fail_at = step;
            inject.fail_errno = errors[e];
            int err = key_file_write(key_path, &key_moment, &new);
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

// The file beside FILE, when FILE is lost.
static bool is_lost_with_file(const struct key_set *old, const struct key_set *older)
{
    struct key_set out;
    unlink(key_path);
    if (key_file_read(key_path, &key_moment, &out) == KEY_FILE_NONE)
        return true;
    return !key_place_same(&out, old) && !key_place_same(&out, older);
}

// A revocation, F4: killed before every system call of the write. FILE is the whole old or the
// whole new set; and once it is the new one, no earlier set can come back, also when FILE is lost.
static void killed_revocations_leave_no_earlier_set(void **state)
{
    (void)state;
    struct key_set older = key_place_set(1, 2), old = key_place_set(2, 3),
                   new = key_place_set(3, 4), out;
    char refused[sizeof key_path + 16];
    snprintf(refused, sizeof refused, "%s.refused", key_path);
    int points = 0;
    for (int step = 0;; step++) {
        bool killed = false;
        for (size_t octets = 0; octets <= KEY_FILE_LEN; octets += 240) {
            key_place_clean();
            key_place_put_set(key_previous, &older);
            key_place_put_set(refused, &older);
            key_place_put_set(key_path, &old);
            killed = killed_at(true, step, octets, &new);
            points += killed;
            assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
            assert_true(key_place_same(&out, &new) || (killed && key_place_same(&out, &old)));
            if (key_place_same(&out, &new)) {
                assert_int_equal(access(refused, F_OK), -1);
                assert_true(is_lost_with_file(&old, &older));
            }
            unlink(refused);
        }
        if (!killed)
            break;
    }
    print_message("# %d kill points\n", points);
    assert_true(points / 3 >= 15);

    // Done, FILE.1 is the same set.
    key_place_clean();
    key_place_put_set(key_path, &old);
    assert_int_equal(key_file_replace(key_path, &key_moment, &new), 0);
    unlink(key_path);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_PREVIOUS);
    assert_true(key_place_same(&out, &new));
}

// The same when calls fail: an error is reported, and FILE is whole.
static void failing_calls_of_a_revocation(void **state)
{
    (void)state;
    struct key_set older = key_place_set(1, 2), old = key_place_set(2, 3),
                   new = key_place_set(3, 4), out;
    int reported = 0;
    for (int step = 0;; step++) {
        key_place_clean();
        key_place_put_set(key_previous, &older);
        key_place_put_set(key_path, &old);
        memset(&inject, 0, sizeof inject);
        inject.armed = true;
        inject.kill_at = -1;
        inject.fail_at = step;
        inject.fail_errno = EIO;
        int err = key_file_replace(key_path, &key_moment, &new);
        inject.armed = false;
        assert_true(err == 0 || err == -EIO);
        reported += err != 0;
        assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
        assert_true(key_place_same(&out, &new) || (err != 0 && key_place_same(&out, &old)));
        if (key_place_same(&out, &new))
            assert_true(is_lost_with_file(&old, &older));
        if (inject.step <= step)
            break;
    }
    assert_true(reported >= 12);
}

// The FILE.new of a killed writer does not disturb the next one, whatever it contains.
static void leftovers_do_not_block(void **state)
{
    (void)state;
    struct key_set set = key_place_set(2, 3), out;
    assert_int_equal(symlink("/dev/null", key_aside), 0);
    assert_int_equal(key_file_write(key_path, &key_moment, &set), 0);
    assert_int_equal(key_file_read(key_path, &key_moment, &out), KEY_FILE_GOOD);
    assert_true(key_place_same(&set, &out));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_file_does_not_push_out_the_previous, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(killed_writers_leave_a_whole_set, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(failing_calls_leave_a_whole_set, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(killed_revocations_leave_no_earlier_set, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(failing_calls_of_a_revocation, key_place_setup,
                                        key_place_teardown),
        cmocka_unit_test_setup_teardown(leftovers_do_not_block, key_place_setup,
                                        key_place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
