// Which file program_open_metrics() takes. The test copies its own program into a directory of its
// own, and starts that copy, as a noonmarkd that looks for its metrics' program.
#include "supervisor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { OTHER_USER = 64734 };

static char home[64], copy[96], moved[96], beside[96];

static int make_copy(void **state)
{
    (void)state;
    strcpy(home, "/tmp/noonmark-program-XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    snprintf(copy, sizeof copy, "%s/noonmarkd", home);
    snprintf(moved, sizeof moved, "%s/bin/noonmarkd", home);
    snprintf(beside, sizeof beside, "%s/noonmark-metrics", home);
    const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const int to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    struct stat st;
    fstat(from, &st);
    for (ssize_t left = st.st_size, n; left > 0; left -= n)
        if ((n = sendfile(to, from, NULL, (size_t)left)) <= 0)
            return -1;
    close(from);
    return close(to);
}

static int remove_copy(void **state)
{
    (void)state;
    unlink(beside);
    unlink(copy);
    return rmdir(home);
}

// 0, or the error of the copy's look.
static int looks(const char *program, const char *argv0)
{
    const pid_t pid = fork();
    if (pid == 0) {
        const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        setenv("PATH", home, 1);
        execl(program, argv0, "looks", NULL);
        _exit(255);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_beside(mode_t mode)
{
    unlink(beside);
    const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void the_one_beside_is_taken(void **state)
{
    (void)state;
    write_beside(0755);
    assert_int_equal(looks(copy, "/nowhere/noonmarkd"), 0); // whatever argv[0] says
    write_beside(0700); // a private checkout's; its start will tell
    assert_int_equal(looks(copy, copy), 0);
}

static void one_that_cannot_run_is_refused(void **state)
{
    (void)state;
    write_beside(0644);
    assert_int_equal(looks(copy, copy), EACCES);
}

static void one_that_others_can_change_is_refused(void **state)
{
    (void)state;
    write_beside(0757);
    assert_int_equal(looks(copy, copy), EPERM);
    if (geteuid() != 0) {
        print_message("# only root can make a file of another user\n");
        skip();
    }
    write_beside(0755);
    assert_int_equal(chown(beside, OTHER_USER, (gid_t)-1), 0);
    assert_int_equal(looks(copy, copy), EPERM);
    // The owner of noonmarkd may change its programs.
    assert_int_equal(chown(copy, OTHER_USER, (gid_t)-1), 0);
    assert_int_equal(looks(copy, copy), 0);
    assert_int_equal(chown(copy, 0, (gid_t)-1), 0);
}

// Neither argv[0] nor PATH is a place to look in.
static void without_one_there_is_an_error(void **state)
{
    char bin[96];
    (void)state;

    if (access(NOONMARK_LIBEXECDIR "/noonmark-metrics", F_OK) == 0) {
        print_message("# noonmark-metrics is installed on this machine\n");
        skip();
    }
    snprintf(bin, sizeof bin, "%s/bin", home);
    write_beside(0755);
    assert_int_equal(mkdir(bin, 0700), 0);
    assert_int_equal(rename(copy, moved), 0);
    const int error = looks(moved, copy);
    rename(moved, copy);
    rmdir(bin);
    assert_int_equal(error, ENOENT);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "looks") == 0) {
        const int fd = program_open_metrics();
        return fd >= 0 ? 0 : -fd;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_beside_is_taken),
        cmocka_unit_test(one_that_cannot_run_is_refused),
        cmocka_unit_test(one_that_others_can_change_is_refused),
        cmocka_unit_test(without_one_there_is_an_error),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/program", tests, make_copy, remove_copy);
}
