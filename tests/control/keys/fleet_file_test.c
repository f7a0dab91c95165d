// The file of a fleet's document: what is taken, what is refused and why, what survives a restart,
// and that a change is noticed however it is made. F13.
#include "base/now.h"
#include "control/keys/fleet_file.h"
#include "fleet/document.h"
#include "tests/control/log_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[96], copy[96], other[96], data[96];
static struct fleet_file *file;
static struct fleet_document doc; // that the main loop has
static struct fleet_file_state state_now;
static char text[FLEET_TEXT_MAX];
static size_t len;

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/fleet_file_test.XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/document", directory);
    snprintf(copy, sizeof copy, "%s/keys.fleet", directory);
    snprintf(other, sizeof other, "%s/other", directory);
    snprintf(data, sizeof data, "%s/..data", directory);
    log_recorder_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    fleet_file_close(file);
    file = NULL;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

// A document with that serial number; its secret is made of `fill`.
static void compose(uint64_t serial, uint8_t fill)
{
    struct fleet_document d = {.serial = serial, .rotate_s = 86400, .n_spans = 1};
    d.span[0] = (struct fleet_span){.from_s = 0, .until_s = INT64_C(86400) * 365 * 100};
    memset(d.span[0].secret, fill, FLEET_SECRET_LEN);
    len = fleet_document_print(&d, text);
}

static void put_at(const char *where)
{
    const int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

// As a mover does it.
static void put(void)
{
    put_at(other);
    assert_int_equal(rename(other, path), 0);
}

static void put_new(uint64_t serial, uint8_t fill)
{
    compose(serial, fill);
    put();
}

static int open_file(void)
{
    return fleet_file_open(path, copy, &file, &doc);
}

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

// Waits for the document with that serial number.
static void await(uint64_t serial)
{
    for (const uint64_t end = now_ns() + 30 * UINT64_C(1000000000); now_ns() < end;) {
        if (fleet_file_poll(file, &doc) && doc.serial == serial)
            return;
        pause_a_little();
    }
    fail_msg("serial %llu does not come", (unsigned long long)serial);
}

static void await_refusal(const char *why)
{
    for (const uint64_t end = now_ns() + 30 * UINT64_C(1000000000); now_ns() < end;) {
        fleet_file_state(file, &state_now);
        if (state_now.refused && strstr(state_now.why, why) != NULL)
            return;
        pause_a_little();
    }
    fail_msg("not refused for %s: %s", why, state_now.why);
}

static void read_and_await_refusal(const char *why)
{
    fleet_file_follow(file, path);
    await_refusal(why);
    assert_false(fleet_file_poll(file, &doc));
    assert_int_equal(doc.serial, 5);
}

static void a_document_is_taken_at_the_start_and_later(void **state)
{
    (void)state;
    put_new(4, 1);
    assert_int_equal(open_file(), 0);
    assert_int_equal(doc.serial, 4);
    assert_false(fleet_file_poll(file, &doc));
    put_new(5, 2);
    fleet_file_follow(file, path);
    await(5);
    assert_int_equal(doc.span[0].secret[7], 2);
    fleet_file_state(file, &state_now);
    assert_false(state_now.refused);
    assert_false(state_now.copy_failing);
    assert_int_equal(state_now.n_taken, 2);
    assert_false(log_recorder_has("0202"));
}

static void changes_are_noticed_without_a_word(void **state)
{
    (void)state;
    char first[96], second[96], file_of[128];
    snprintf(first, sizeof first, "%s/..1", directory);
    snprintf(second, sizeof second, "%s/..2", directory);
    compose(1, 1);
    // Kubernetes: document -> ..data/document, ..data -> ..1; a change swaps ..data.
    assert_int_equal(mkdir(first, 0700) | mkdir(second, 0700), 0);
    snprintf(file_of, sizeof file_of, "%s/document", first);
    put_at(file_of);
    assert_int_equal(symlink("..1", data), 0);
    assert_int_equal(symlink("..data/document", path), 0);
    assert_int_equal(open_file(), 0);
    compose(2, 2);
    snprintf(file_of, sizeof file_of, "%s/document", second);
    put_at(file_of);
    assert_int_equal(symlink("..2", other), 0);
    assert_int_equal(rename(other, data), 0);
    await(2);
    // Written in place, and by a rename.
    compose(3, 3);
    put_at(file_of);
    await(3);
    put_new(4, 4);
    await(4);
}

// The former document serves on; the reason is told with its line, and no secret.
static void bad_files_are_refused(void **state)
{
    (void)state;
    put_new(5, 0xab);
    assert_int_equal(open_file(), 0);

    compose(6, 0xab);
    len -= 40; // torn
    put();
    read_and_await_refusal("line 5: the line has no end: the file is cut off");
    len = strlen("noonmark-fleet 1\nserial 6\n"); // truncated
    put();
    read_and_await_refusal("line 3: there is no `sum` line: the file is cut off");
    len = 0;
    put();
    read_and_await_refusal("line 1: the file is empty");
    compose(6, 0xab);
    text[len - 100] = text[len - 100] == 'a' ? 'b' : 'a';
    put();
    read_and_await_refusal("line 5: the sum is wrong");
    compose(6, 0xab);
    put();
    assert_int_equal(chmod(path, 0604), 0);
    read_and_await_refusal("other users have rights to it");
    assert_int_equal(chmod(path, 0660), 0);
    read_and_await_refusal("its group has rights");
    if (geteuid() == 0) {
        assert_int_equal(chmod(path, 0600) | chown(path, 12345, 12345), 0);
        read_and_await_refusal("belongs neither to root nor to control.user");
    }
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    read_and_await_refusal("not a plain file");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    read_and_await_refusal("not a plain file");
    rmdir(path);
    read_and_await_refusal("No such file");
    put_new(4, 0xab);
    read_and_await_refusal("its serial number is 4, but 5 is in force");
    put_new(5, 0xac);
    read_and_await_refusal("its serial number is 5, which is in force with other contents");
    fleet_file_state(file, &state_now);
    assert_in_range(state_now.n_refused, 11, 12);
    assert_int_equal(state_now.n_taken, 1);
    assert_false(log_recorder_has("abab"));
    assert_true(log_recorder_has("ALARM"));

    put_new(6, 0xac);
    fleet_file_follow(file, path);
    await(6);
    fleet_file_state(file, &state_now);
    assert_false(state_now.refused);
}

// The copy has the last good document, for this user alone, and its serial number is not forgotten.
static void a_restart_has_the_last_good_document(void **state)
{
    (void)state;
    struct stat st;
    put_new(5, 1);
    assert_int_equal(open_file(), 0);
    put_new(6, 2);
    fleet_file_follow(file, path);
    await(6);
    fleet_file_close(file);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    put_new(5, 1); // rolled back
    assert_int_equal(open_file(), 0);
    assert_int_equal(doc.serial, 6);
    await_refusal("6 is in force");
    fleet_file_close(file);
    len = 50; // torn
    put();
    assert_int_equal(open_file(), 0);
    assert_int_equal(doc.serial, 6);
    assert_int_equal(doc.span[0].secret[0], 2);
    fleet_file_close(file);
    unlink(path);
    assert_int_equal(open_file(), 0);
    assert_int_equal(doc.serial, 6);
    put_new(7, 3);
    await(7);
}

static void a_bad_copy_is_not_used(void **state)
{
    (void)state;
    put_new(5, 1);
    assert_int_equal(open_file(), 0);
    fleet_file_close(file);
    file = NULL;
    assert_int_equal(chmod(copy, 0640), 0);
    assert_int_equal(open_file(), 0); // from the file
    assert_true(log_recorder_has("the copy of the fleet's document, is refused"));
    fleet_file_close(file);
    file = NULL;
    unlink(path);
    unlink(copy);
    assert_int_equal(open_file(), -ENOKEY);
    assert_true(log_recorder_has("keys.fleet.file"));
    len = 10;
    put();
    put_at(copy);
    assert_int_equal(open_file(), -ENOKEY);
}

// F12: the document is in use at once, also when it cannot be copied.
static void a_copy_that_fails_is_told(void **state)
{
    (void)state;
    put_new(5, 1);
    snprintf(copy, sizeof copy, "%s/missing/keys.fleet", directory);
    assert_int_equal(open_file(), 0);
    fleet_file_state(file, &state_now);
    assert_true(state_now.copy_failing);
    assert_true(log_recorder_has("it is in use all the same"));
}

// Another file, which is looked at before it is followed: a reload of keys.fleet.file.
static void another_file_is_followed(void **state)
{
    (void)state;
    char why[FLEET_FILE_WHY_MAX], next[112];
    snprintf(next, sizeof next, "%s/next", directory);
    put_new(7, 1);
    assert_int_equal(open_file(), 0);
    assert_false(fleet_file_try(next, &doc, why));
    assert_non_null(strstr(why, "No such file"));
    compose(6, 2);
    put_at(next);
    assert_false(fleet_file_try(next, &doc, why));
    assert_non_null(strstr(why, "no document may go back"));
    compose(7, 2);
    put_at(next);
    assert_false(fleet_file_try(next, &doc, why));
    assert_non_null(strstr(why, "which is in force with other contents"));
    compose(7, 1); // a copy
    put_at(next);
    assert_true(fleet_file_try(next, &doc, why));
    compose(8, 2);
    put_at(next);
    assert_true(fleet_file_try(next, &doc, why));
    assert_int_equal(doc.serial, 7); // nothing has changed yet
    fleet_file_follow(file, next);
    await(8);
    put_new(9, 3); // in the file of before
    compose(10, 4);
    put_at(next);
    await(10);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_is_taken_at_the_start_and_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(changes_are_noticed_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_has_the_last_good_document, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_copy_is_not_used, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_fails_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(another_file_is_followed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
