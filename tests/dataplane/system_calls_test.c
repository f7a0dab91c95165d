// The dataplane's system calls once it serves: those that it needs work, the others are refused and
// logged, in each thread.
#include "dataplane/system_calls.h"

#include "base/log.h"
#include "link/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static atomic_int confined;

static bool is_refused(long result)
{
    return result == -1 && errno == EPERM;
}

// 0, or the number of the check that fails.
static int try_all(void)
{
    enum { PAGE = 4096 };
    char *const none[] = {NULL};
    union bpf_attr attr = {0};
    if (!is_refused(execve("/bin/true", none, none)))
        return 1;
    if (!is_refused(syscall(SYS_clone, 0x11, 0, 0, 0, 0)))
        return 2;
    if (!is_refused(ptrace(PTRACE_TRACEME, 0, 0, 0)))
        return 3;
    if (!is_refused((long)(intptr_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
        return 4;
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 5;
    if (!is_refused(mprotect(page, PAGE, PROT_READ | PROT_EXEC)) ||
        mprotect(page, PAGE, PROT_READ) != 0)
        return 6;
    if (!is_refused(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)) ||
        !is_refused(syscall(SYS_setuid, 0)) || !is_refused(syscall(SYS_mount, 0, 0, 0, 0, 0)))
        return 7;
    // A map that is not there, but the call goes through.
    attr.map_fd = (unsigned)-1;
    if (syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof attr) != -1 || errno == EPERM)
        return 8;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0 || netlink < 0 || close(fd) != 0 || close(netlink) != 0)
        return 9;
    return munmap(page, PAGE) == 0 ? 0 : 10;
}

static void *older_thread(void *with)
{
    (void)with;
    while (!atomic_load(&confined))
        sched_yield();
    return (void *)(intptr_t)try_all(); // NOLINT: a small number
}

static int child(void)
{
    pthread_t thread;
    void *older;
    if (child_hide() != 0 || pthread_create(&thread, NULL, older_thread, NULL) != 0)
        return 20;
    if (system_calls_confine() != 0)
        return 21;
    atomic_store(&confined, 1);
    pthread_join(thread, &older);
    if (older)
        return 30 + (int)(intptr_t)older;
    return try_all();
}

static void only_what_serving_takes(void **state)
{
    (void)state;
    int ends[2];
    char log[4096];
    size_t len = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        log_open("dataplane");
        _exit(child());
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], log + len, sizeof log - 1 - len)) > 0;)
        len += (size_t)n;
    log[len] = '\0';
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    char expected[64];
    snprintf(expected, sizeof expected, "dataplane: error: system call %d is not", SYS_execve);
    assert_non_null(strstr(log, expected));
    assert_null(strchr(strchr(log, '\n') + 1, '\n')); // the others are counted, not said
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_serving_takes),
    };
    return cmocka_run_group_tests_name("dataplane/system_calls", tests, NULL, NULL);
}
