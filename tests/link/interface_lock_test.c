// The lock of an interface: its owner, the message to the second process, and that a directory
// which others could change is refused. In its own namespaces, with its own /run; root.
#include "link/interface_lock.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char said[256];

// The only file in the directory.
static void file_path(char *path, size_t len)
{
    struct stat st;
    assert_int_equal(stat("/proc/self/ns/net", &st), 0);
    snprintf(path, len, INTERFACE_LOCKS "/%llu-1", (unsigned long long)st.st_ino);
}

static int lock_quietly(const char *interface, const char *program)
{
    said[0] = '\0';
    log_divert(said, sizeof said);
    const int fd = interface_lock(interface, program, INTERFACE_LOCK_WAIT_MS);
    log_divert(NULL, 0);
    return fd;
}

static void a_second_one_is_told_who_has_it(void **state)
{
    (void)state;
    char wanted[64];
    const int fd = lock_quietly("lo", "noonmarkd");
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(lock_quietly("lo", "ntsperf"), -EBUSY);
    snprintf(wanted, sizeof wanted, "lo: the noonmarkd that was started as process %d uses it;",
             (int)getpid());
    assert_non_null(strstr(said, wanted));

    // What a dataplane that was taken over might write.
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "\x1b[31mroot 1\n", 12, 0), 12);
    assert_int_equal(lock_quietly("lo", "noonmarkd"), -EBUSY);
    assert_non_null(strstr(said, "lo: another noonmarkd or ntsperf uses it;"));
    close(fd);
}

static void it_lasts_until_the_last_copy_is_closed(void **state)
{
    (void)state;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    const int fd = lock_quietly("lo", "noonmarkd");
    assert_true(fd >= 0);
    const pid_t child = fork();
    if (child == 0) {
        char octet;
        close(gate[1]);
        _exit((int)read(gate[0], &octet, 1)); // at the end of the pipe
    }
    close(fd);
    assert_int_equal(lock_quietly("lo", "noonmarkd"), -EBUSY);
    close(gate[0]);
    close(gate[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    const int again = lock_quietly("lo", "ntsperf");
    assert_true(again >= 0);
    close(again);
}

static void only_root_can_come_near(void **state)
{
    (void)state;
    char path[96];
    struct stat st;
    const int fd = lock_quietly("lo", "noonmarkd");
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(INTERFACE_LOCKS, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    close(fd);

    assert_int_equal(chmod(INTERFACE_LOCKS, 01777), 0);
    assert_int_equal(lock_quietly("lo", "noonmarkd"), -EEXIST);
    assert_non_null(strstr(said, "is not root's alone; fix it: chown root /run/noonmark "));
    assert_int_equal(chmod(INTERFACE_LOCKS, 0700), 0);
    assert_int_equal(chown("/run/noonmark", 65534, 0), 0);
    assert_int_equal(lock_quietly("lo", "noonmarkd"), -EEXIST);
    assert_int_equal(chown("/run/noonmark", 0, 0), 0);

    file_path(path, sizeof path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/run/elsewhere", path), 0);
    assert_int_equal(lock_quietly("lo", "noonmarkd"), -ELOOP);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(INTERFACE_LOCKS, "/run/elsewhere"), 0);
    assert_int_equal(symlink("/run/elsewhere", INTERFACE_LOCKS), 0);
    assert_int_equal(lock_quietly("lo", "noonmarkd"), -ENOTDIR);
    assert_int_equal(unlink(INTERFACE_LOCKS), 0);
}

static bool is_there(const char *name)
{
    char path[96];
    struct stat st;
    snprintf(path, sizeof path, INTERFACE_LOCKS "/%s", name);
    return lstat(path, &st) == 0;
}

static int make(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, INTERFACE_LOCKS "/%s", name);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

// What an interface or a namespace that has gone leaves behind. A file that somebody has locked
// stays, and so does what is no lock.
static void files_that_nobody_uses_are_removed(void **state)
{
    (void)state;
    close(lock_quietly("lo", "noonmarkd")); // makes the directory
    close(make("4026531840-7"));
    const int used = make("4026531840-8");
    assert_int_equal(flock(used, LOCK_EX | LOCK_NB), 0);
    close(make("notes"));
    assert_int_equal(symlink("notes", INTERFACE_LOCKS "/4026531840-9"), 0);
    const int fd = lock_quietly("lo", "noonmarkd");
    assert_true(fd >= 0);
    assert_false(is_there("4026531840-7"));
    assert_true(is_there("4026531840-8"));
    assert_true(is_there("notes"));
    assert_true(is_there("4026531840-9"));
    assert_int_equal(lock_quietly("lo", "ntsperf"), -EBUSY); // its own is still there
    close(used);
    close(fd);
}

// Has the process that file open?
static bool has_open(pid_t process, const char *path)
{
    char directory[64], to[128];
    snprintf(directory, sizeof directory, "/proc/%d/fd", (int)process);
    DIR *list = opendir(directory);
    assert_non_null(list);
    unsigned n = 0;
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        const ssize_t len = readlinkat(dirfd(list), entry->d_name, to, sizeof to - 1);
        to[len > 0 ? len : 0] = '\0';
        n += strcmp(to, path) == 0;
    }
    closedir(list);
    return n > 0;
}

// Opened before somebody removes it and locked afterwards, a file is worth nothing: two would have
// the interface.
static void a_removed_file_is_no_lock(void **state)
{
    (void)state;
    char path[96];
    file_path(path, sizeof path);
    close(lock_quietly("lo", "noonmarkd"));
    const int held = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), 0);
    int gate[2];
    char octet;
    assert_int_equal(pipe(gate), 0);
    const pid_t child = fork(); // waits for the lock of the file that is there
    if (child == 0) {
        close(held);
        close(gate[0]);
        close(gate[1]); // the parent goes on
        const int fd = lock_quietly("lo", "noonmarkd");
        struct stat mine, named;
        _exit(fd >= 0 && fstat(fd, &mine) == 0 && stat(path, &named) == 0 &&
                      mine.st_ino == named.st_ino && mine.st_nlink == 1
                  ? 0
                  : 1);
    }
    close(gate[1]);
    assert_int_equal(read(gate[0], &octet, 1), 0);
    close(gate[0]);
    while (!has_open(child, path))
        usleep(1000);
    assert_int_equal(unlink(path), 0);
    close(held);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_missing_interface_has_none(void **state)
{
    (void)state;
    assert_int_equal(lock_quietly("nonesuch", "noonmarkd"), -ENODEV);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_is_told_who_has_it),
        cmocka_unit_test(it_lasts_until_the_last_copy_is_closed),
        cmocka_unit_test(files_that_nobody_uses_are_removed),
        cmocka_unit_test(a_removed_file_is_no_lock),
        cmocka_unit_test(only_root_can_come_near),
        cmocka_unit_test(a_missing_interface_has_none),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (geteuid() != 0 || unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/run", "tmpfs", 0, "mode=755") != 0) {
        printf("1..0 # SKIP needs root and namespaces of its own\n");
        return 0;
    }
    umask(0);
    return cmocka_run_group_tests_name("link/interface_lock", tests, NULL, NULL);
}
