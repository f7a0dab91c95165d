// Memory for secrets: its pages are locked and excluded from dumps. A process locks all of its
// memory if it is permitted, and continues if it is not.
#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    LIMIT = 1 << 20,
    STRANGER = 64735, // no user's number
};

// Does the mapping that holds `at` have this flag of smaps?
static bool has_flag(const void *at, const char *flag)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[1024];
    unsigned long start = 0, end = 0;
    bool found = false;
    while (smaps != NULL && fgets(line, sizeof line, smaps)) {
        unsigned long low, high;
        if (sscanf(line, "%lx-%lx ", &low, &high) == 2) {
            start = low;
            end = high;
        }
        if (strncmp(line, "VmFlags:", 8) == 0 && (uintptr_t)at >= start && (uintptr_t)at < end)
            found = strstr(line, flag) != NULL;
    }
    if (smaps != NULL)
        fclose(smaps);
    return found;
}

static void skip_with_a_sanitizer(void)
{
    if (SANITIZED) {
        print_message("# a sanitizer's mlock locks nothing\n");
        skip();
    }
}

static void pages_are_locked_and_not_dumped(void **state)
{
    (void)state;
    skip_with_a_sanitizer();
    uint8_t *at = secret_alloc(5000);
    assert_non_null(at);
    assert_int_equal((uintptr_t)at % 4096, 0);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(at[i], 0);
    assert_true(has_flag(at, " lo"));
    assert_true(has_flag(at, " dd"));
    assert_true(has_flag(at, " wf"));
    secret_free(at, 5000);
    secret_free(NULL, 5000);
}

// In a child, whose words come back as text. Its exit status.
static int in_child(int (*what)(void), char *text, size_t len)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        log_open("child");
        _exit(what());
    }
    close(ends[1]);
    size_t have = 0;
    for (ssize_t n; (n = read(ends[0], text + have, len - 1 - have)) > 0;)
        have += (size_t)n;
    text[have] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void *map(size_t len)
{
    return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int lock_under_a_limit(void)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || setuid(STRANGER) != 0)
        return 2;
    secret_lock_process();
    void *at = secret_alloc(4096);
    if (at == NULL || !has_flag(at, " lo"))
        return 3;
    return map((size_t)4 * LIMIT) == MAP_FAILED ? 4 : 0;
}

// A server that is full must not be refused memory because its limit for locked memory is small.
static void limit_warns_and_refuses_nothing(void **state)
{
    (void)state;
    skip_with_a_sanitizer();
    char text[512];
    if (geteuid() != 0) {
        print_message("# only root may change the limit for locked memory\n");
        skip();
    }
    assert_int_equal(in_child(lock_under_a_limit, text, sizeof text), 0);
    assert_non_null(strstr(text, "RLIMIT_MEMLOCK is 1048576 octets"));
}

static int lock_with_the_right(void)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return 2;
    char *before = malloc(64);
    secret_lock_process();
    char *after = map((size_t)4 * LIMIT);
    if (after == MAP_FAILED)
        return 3;
    return has_flag(before, " lo") && has_flag(after, " lo") && has_flag(&before, " lo") ? 0 : 4;
}

static void right_locks_all_now_and_later(void **state)
{
    (void)state;
    skip_with_a_sanitizer();
    char text[512];
    if (geteuid() != 0) {
        print_message("# only root may change the limit for locked memory\n");
        skip();
    }
    assert_int_equal(in_child(lock_with_the_right, text, sizeof text), 0);
    assert_string_equal(text, "");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_locked_and_not_dumped),
        cmocka_unit_test(limit_warns_and_refuses_nothing),
        cmocka_unit_test(right_locks_all_now_and_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
