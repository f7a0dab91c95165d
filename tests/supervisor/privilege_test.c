// Users and capabilities.
#include "supervisor/privilege.h"
#include "supervisor/start.h"

#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void users_by_name_and_number(void **state)
{
    (void)state;
    struct user u = {0};
    assert_int_equal(privilege_user("64731", &u), 0);
    assert_int_equal(u.uid, 64731);
    assert_int_equal(u.gid, 64731);
    assert_int_equal(privilege_user("64731:64732", &u), 0);
    assert_int_equal(u.uid, 64731);
    assert_int_equal(u.gid, 64732);
    assert_int_equal(privilege_user("daemon", &u), 0);
    assert_int_equal(u.uid, 1);
    assert_int_equal(privilege_user("root", &u), -EPERM);
    assert_int_equal(privilege_user("no-such-user-here", &u), -ENOENT);
    assert_int_equal(u.uid, 1); // untouched
}

static void sets_have_names(void **state)
{
    (void)state;
    char text[64], all[512];
    privilege_names(CAPABILITY(CAP_BPF) | CAPABILITY(CAP_NET_ADMIN), text, sizeof text);
    assert_string_equal(text, "CAP_NET_ADMIN, CAP_BPF");
    privilege_names(START_RIGHTS, all, sizeof all);
    int n = 1;
    for (const char *at = all; (at = strchr(at, ',')) != NULL; at++)
        n++;
    assert_int_equal(n, __builtin_popcountll(START_RIGHTS)); // each has a name
    privilege_names(0, text, sizeof text);
    assert_string_equal(text, "");
    privilege_names(~0ULL, text, sizeof text);
    assert_true(strlen(text) < sizeof text);
}

// What a process says of itself in /proc, after an exec as that user with those rights.
static void after_exec(const struct user *user, uint64_t rights, char *out, size_t room)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        const gid_t group = 4242; // as a login may have left one
        if (setgroups(1, &group) != 0 || privilege_become(user, rights) != 0)
            _exit(1);
        execl("/bin/cat", "cat", "/proc/self/status", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while (len + 1 < room && (n = read(ends[0], out + len, room - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(ends[0]);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void expect_line(const char *text, const char *format, uint64_t value)
{
    char line[128];
    snprintf(line, sizeof line, format, (unsigned long long)value);
    if (strstr(text, line) == NULL)
        fail_msg("no \"%s\" in:\n%s", line, text);
}

static void a_child_has_exactly_its_rights(void **state)
{
    (void)state;
    char status[8192];
    const struct user user = {.uid = 64731, .gid = 64732};
    const uint64_t rights = CAPABILITY(CAP_NET_RAW);
    uint64_t ours;

    if (geteuid() != 0 || privilege_permitted(&ours) != 0 || !(ours & rights)) {
        print_message("# only root with CAP_NET_RAW has rights to give up\n");
        skip();
    }
    after_exec(&user, rights, status, sizeof status);
    expect_line(status, "CapPrm:\t%016llx\n", rights);
    expect_line(status, "CapEff:\t%016llx\n", rights);
    expect_line(status, "CapBnd:\t%016llx\n", rights);
    expect_line(status, "CapAmb:\t%016llx\n", rights);
    expect_line(status, "Uid:\t64731\t64731\t64731\t%llu\n", 64731);
    expect_line(status, "Gid:\t64732\t64732\t64732\t%llu\n", 64732);
    expect_line(status, "NoNewPrivs:\t%llu\n", 1);
    assert_non_null(strstr(status, "Groups:\t \n"));

    after_exec(&user, 0, status, sizeof status);
    expect_line(status, "CapPrm:\t%016llx\n", 0);
    expect_line(status, "CapBnd:\t%016llx\n", 0);

    after_exec(NULL, rights, status, sizeof status); // the reader of a reload stays root
    expect_line(status, "CapEff:\t%016llx\n", rights);
    expect_line(status, "CapBnd:\t%016llx\n", rights);
    expect_line(status, "Uid:\t0\t0\t0\t%llu\n", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_by_name_and_number),
        cmocka_unit_test(sets_have_names),
        cmocka_unit_test(a_child_has_exactly_its_rights),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/privilege", tests, NULL, NULL);
}
