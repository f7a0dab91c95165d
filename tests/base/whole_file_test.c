// Whole files: pieces that the kernel makes of reads and writes, and directories.
#include "base/whole_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A pipe hands out what has been written so far: less than was asked for, then the end.
static void pieces_are_joined(void **state)
{
    (void)state;
    int end[2];
    char text[16] = "";
    assert_int_equal(pipe(end), 0);
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 5; i++) {
            if (write(end[1], "ab", 2) != 2)
                _exit(1);
            usleep(2000);
        }
        _exit(0);
    }
    close(end[1]);
    assert_int_equal(whole_file_read(end[0], text, sizeof text), 10);
    assert_string_equal(text, "ababababab");
    close(end[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    char text[4];
    const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(whole_file_read(fd, text, sizeof text), 4);
    close(fd);
    assert_int_equal(whole_file_read(-1, text, sizeof text), -EBADF);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(whole_file_write(fd, "abc", 3), -ENOSPC);
    close(fd);
}

static void directories_of_paths(void **state)
{
    (void)state;
    assert_int_equal(whole_file_sync_directory("file"), 0); // in the one that we are in
    assert_int_equal(whole_file_sync_directory("/tmp/file"), 0);
    assert_int_equal(whole_file_sync_directory("/file"), 0);
    assert_int_equal(whole_file_sync_directory("/nowhere/file"), -ENOENT);
    assert_int_equal(whole_file_sync_directory("/dev/null/file"), -ENOTDIR);
    char longer[5000];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 3] = '/';
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(whole_file_sync_directory(longer), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_joined),
        cmocka_unit_test(no_more_than_there_is_room_for),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(directories_of_paths),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
