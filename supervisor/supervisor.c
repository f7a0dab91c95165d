// The loop: signals, the children's words, stops and deaths, their heartbeats.
#include "supervisor/supervisor.h"

#include "board/now.h"
#include "config/log.h"
#include "supervisor/cpus.h"
#include "supervisor/holdings.h"
#include "supervisor/life.h"
#include "supervisor/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MS = 5000 }; // what children have to end by themselves

struct supervisor {
    struct holdings holdings;
    struct life control;
    struct life dataplane;
    uint64_t look_ms; // when heartbeats are looked at next
    int signals;      // signalfd
    bool stop;
};

// A closed standard descriptor would be given to the next thing opened, and then logged into.
static int hold_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int open_signals(int *out)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN); // a log that nobody reads is no reason to end
    signal(SIGCHLD, SIG_DFL); // whoever ignores it passes that on, and never hears of a death
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -errno;
    *out = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *out < 0 ? -errno : 0;
}

static struct life *life_of(struct supervisor *s, pid_t pid)
{
    return s->control.pid == pid ? &s->control : s->dataplane.pid == pid ? &s->dataplane : NULL;
}

// Others than our two may be ours to bury when this is the first process of a container.
static void follow_children(struct supervisor *s)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
        struct life *l = life_of(s, pid);
        if (l == NULL)
            continue;
        if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
            life_stopped(l, WIFSTOPPED(status));
        } else if (!s->stop) {
            life_ended(l, &s->holdings, status, now_ms());
        } else {
            if (l->phase != LIFE_SWEEPING)
                l->dirty = status != 0;
            l->pid = 0;
        }
    }
}

static void read_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT:
            if (!s->stop)
                log_info("stopping on %s", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
            s->stop = true;
            break;
        case SIGHUP:
            log_warning("SIGHUP: reloading is not in this version of noonmark; restart it instead");
            break;
        default:
            break;
        }
    }
    follow_children(s);
}

// Keys are published before the dataplane starts: it could otherwise only drop.
static void control_serves(struct supervisor *s, uint64_t now)
{
    if (s->dataplane.phase == LIFE_RESTING && !s->dataplane.failed)
        life_begin(&s->dataplane, &s->holdings, now);
}

// Of the dataplane, housekeeping's: that one judges the cores (F3).
static void look_at_heartbeats(struct supervisor *s, uint64_t now)
{
    const struct holdings *h = &s->holdings;

    if (now < s->look_ms)
        return;
    s->look_ms = now + PULSE_LOOK_MS;
    life_look(&s->dataplane,
              atomic_load_explicit(&h->dataplane_view->heartbeat, memory_order_relaxed));
    life_look(&s->control, atomic_load_explicit(&h->control_view->heartbeat, memory_order_relaxed));
}

static int wait_ms(const struct supervisor *s, uint64_t now)
{
    uint64_t due = s->look_ms;

    if (life_due_ms(&s->control) < due)
        due = life_due_ms(&s->control);
    if (life_due_ms(&s->dataplane) < due)
        due = life_due_ms(&s->dataplane);
    return due <= now ? 0 : (int)(due - now);
}

static void turn(struct supervisor *s)
{
    struct pollfd fds[] = {
        {.fd = s->signals, .events = POLLIN},
        {.fd = s->control.ready, .events = POLLIN}, // negative: not looked at
        {.fd = s->dataplane.ready, .events = POLLIN},
    };
    const bool first = !s->dataplane.served;

    poll(fds, sizeof fds / sizeof fds[0], wait_ms(s, now_ms()));
    const uint64_t now = now_ms();
    // Words before deaths: one that served and died at once has served.
    if (fds[1].revents != 0 && life_ready(&s->control, now))
        control_serves(s, now);
    if (fds[2].revents != 0 && life_ready(&s->dataplane, now) && first)
        log_info("serving: control is pid %d, dataplane is pid %d", (int)s->control.pid,
                 (int)s->dataplane.pid);
    if (fds[0].revents != 0)
        read_signals(s);
    if (s->stop)
        return;
    life_tick(&s->control, &s->holdings, now);
    life_tick(&s->dataplane, &s->holdings, now);
    look_at_heartbeats(s, now);
}

// Waits until both processes are gone or the time is up. True when they are gone.
static bool wait_for_ends(struct supervisor *s, uint64_t until_ms)
{
    while (s->control.pid > 0 || s->dataplane.pid > 0) {
        const uint64_t now = now_ms();
        if (now >= until_ms)
            return false;
        struct pollfd fd = {.fd = s->signals, .events = POLLIN};
        poll(&fd, 1, (int)(until_ms - now));
        read_signals(s);
    }
    return true;
}

static void signal_both(const struct supervisor *s, int number)
{
    if (s->control.pid > 0)
        kill(s->control.pid, number);
    if (s->dataplane.pid > 0)
        kill(s->dataplane.pid, number);
}

// Leaves nothing: a dataplane that could not detach its program has it done for it.
static void stop_children(struct supervisor *s)
{
    s->stop = true;
    signal_both(s, SIGTERM);
    if (!wait_for_ends(s, now_ms() + STOP_MS)) {
        log_warning("children have not ended after %d s: killed", STOP_MS / 1000);
        signal_both(s, SIGKILL);
        wait_for_ends(s, now_ms() + STOP_MS);
    }
    if (s->dataplane.dirty && start_needs_sweep(&s->holdings)) {
        s->dataplane.pid = start_sweep(&s->holdings);
        if (!wait_for_ends(s, now_ms() + LIFE_SWEEP_MS))
            signal_both(s, SIGKILL);
    }
}

// Key material must not reach a disk by way of this process either (F5).
static void forbid_dumps(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int supervisor_run(const struct config *config)
{
    struct supervisor s = {
        .control = {.name = "control",
                    .start = start_control,
                    .ready = -1,
                    // Stopped, it hurts nobody soon: the dataplane serves on (P3).
                    .patience = PULSE_LOOKS_CONTROL,
                    .patience_stopped = PULSE_LOOKS_CONTROL},
        .dataplane = {.name = "dataplane",
                      .start = start_dataplane,
                      .sweeps = true,
                      .ready = -1,
                      .patience = PULSE_LOOKS_DATAPLANE,
                      .patience_stopped = PULSE_LOOKS_STOPPED},
        .signals = -1,
    };

    forbid_dumps();
    int error = cpus_leave(config->dataplane.cores, config->dataplane.n_cores);
    if (error != 0) // a wish, not a need
        log_warning("cannot keep off the polling CPUs: %s", strerror(-error));
    error = hold_standard_descriptors();
    if (error == 0)
        error = open_signals(&s.signals);
    if (error != 0) {
        log_error("cannot start: %s", strerror(-error));
        return 1;
    }
    if (holdings_open(&s.holdings, config) != 0) {
        close(s.signals);
        return 1;
    }
    life_begin(&s.control, &s.holdings, now_ms());
    while (!s.stop && !s.control.failed && !s.dataplane.failed)
        turn(&s);
    const bool failed = s.control.failed || s.dataplane.failed;
    stop_children(&s);
    holdings_close(&s.holdings);
    close(s.signals);
    log_info(failed ? "not started" : "stopped");
    return failed ? 1 : 0;
}
