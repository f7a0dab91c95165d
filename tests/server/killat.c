// Kills a running process before the Nth system call by which it works on the files of a directory,
// for key_kill_test.py.
//
//   killat PID DIRECTORY N
//
// Prints "ready" when it follows all threads, then the name of each such call on a line of its own,
// and "killed" when it has killed the process. It ends when the process ends, for whatever reason.
// It counts calls with a path below DIRECTORY, and calls with a descriptor of a file there or of
// DIRECTORY itself. For root, on x86-64.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_LEN = 4096, SYSCALL_STOP = SIGTRAP | 0x80 };

static const struct call {
    uint64_t number;
    const char *name;
    bool has_path; // else a descriptor
    unsigned argument;
} calls[] = {
    {SYS_openat, "openat", true, 1}, {SYS_open, "open", true, 0},
    {SYS_unlink, "unlink", true, 0}, {SYS_link, "link", true, 0},
    {SYS_rename, "rename", true, 0}, {SYS_read, "read", false, 0},
    {SYS_write, "write", false, 0},  {SYS_fsync, "fsync", false, 0},
    {SYS_close, "close", false, 0},  {SYS_newfstatat, "fstat", false, 0},
    {SYS_fstat, "fstat", false, 0},
};

static const char *process, *directory;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
    exit(2);
}

// The text at an address of the process, or the name of a descriptor of it.
static bool path_of(const struct call *call, uint64_t argument, char path[PATH_LEN])
{
    char name[64];
    ssize_t n;
    if (call->has_path) {
        snprintf(name, sizeof name, "/proc/%s/mem", process);
        const int mem = open(name, O_RDONLY | O_CLOEXEC);
        if (mem < 0)
            return false;
        const size_t left = 4096 - argument % 4096; // of the page: the next one may be missing
        n = pread(mem, path, left < PATH_LEN ? left : PATH_LEN - 1, (off_t)argument);
        close(mem);
    } else {
        snprintf(name, sizeof name, "/proc/%s/fd/%d", process, (int)argument);
        n = readlink(name, path, PATH_LEN - 1);
    }
    if (n < 0)
        return false;
    path[n] = '\0';
    return true;
}

// The call that the thread is about to make, if it counts. In a chroot and another mount namespace
// the name of a descriptor begins outside of the chroot.
static const struct call *call_of(pid_t tid)
{
    char path[PATH_LEN];
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return NULL;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i].number == info.entry.nr)
            return path_of(&calls[i], info.entry.args[calls[i].argument], path) &&
                           strstr(path, directory) != NULL
                       ? &calls[i]
                       : NULL;
    return NULL;
}

// Follows all threads; returns how many stops of theirs are to come.
static unsigned follow(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        fail(path);
    for (struct dirent *e = readdir(tasks); e; e = readdir(tasks)) {
        const pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
        if (tid <= 0)
            continue;
        if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) != 0 ||
            ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
            fail("ptrace");
        n++;
    }
    closedir(tasks);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: killat PID DIRECTORY N\n", stderr);
        return 2;
    }
    process = argv[1];
    directory = argv[2];
    const pid_t pid = (pid_t)strtol(process, NULL, 10);
    const unsigned long at = strtoul(argv[3], NULL, 10);
    unsigned stops = follow(pid);
    unsigned long n = 0;
    int status;
    for (pid_t tid; (tid = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status))
            continue;
        const int number = WSTOPSIG(status);
        const bool event = status >> 16 != 0;
        if (stops > 0 && event && --stops == 0) {
            puts("ready");
            fflush(stdout);
        }
        const struct call *call = number == SYSCALL_STOP ? call_of(tid) : NULL;
        if (call != NULL) {
            puts(call->name);
            fflush(stdout);
        }
        if (call != NULL && ++n == at) {
            kill(pid, SIGKILL);
            puts("killed");
            fflush(stdout);
            continue;
        }
        const int pass = event || number == SYSCALL_STOP ? 0 : number;
        ptrace(PTRACE_SYSCALL, tid, NULL, (long)pass);
    }
    return 0;
}
