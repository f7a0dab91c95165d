// The loop: signals, the children's messages, stops and deaths, heartbeats, reloads.
#include "supervisor/supervisor.h"

#include "base/log.h"
#include "base/now.h"
#include "link/link.h"
#include "supervisor/children.h"
#include "supervisor/cpus.h"
#include "supervisor/descriptors.h"
#include "supervisor/drain.h"
#include "supervisor/file_watch.h"
#include "supervisor/hook.h"
#include "supervisor/kept_sockets.h"
#include "supervisor/life.h"
#include "supervisor/notify.h"
#include "supervisor/process.h"
#include "supervisor/reload.h"
#include "supervisor/renew.h"
#include "supervisor/start.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STOP_MS = 5000, // time for children to end by themselves
    MESSAGES = 8,   // read from one child in one turn
};

struct supervisor {
    enum config_role role; // the same as long as this process lives
    struct descriptors descriptors;
    struct life child[CHILDREN];
    struct reload reload;
    struct renewal renewal;
    struct hook hook;
    struct drain drain;
    struct notify notify;
    struct renew renew;
    unsigned sockets_kept; // descriptors.sockets_changed when the manager was last told
    uint64_t look_ms;      // when heartbeats and sockets are looked at next
    int signals;           // signalfd
    bool stop;
};

static void say_serving(const struct supervisor *s)
{
    const int control = (int)s->child[CONTROL].pid, ke = (int)s->child[KE].pid,
              dataplane = (int)s->child[DATAPLANE].pid;

    switch (s->role) {
    case SERVE_BOTH:
        log_info("serving: control is pid %d, ke is pid %d, dataplane is pid %d", control, ke,
                 dataplane);
        break;
    case SERVE_KE:
        log_info("serving NTS-KE alone (role: ke): control is pid %d, ke is pid %d", control, ke);
        break;
    case SERVE_NTP:
        log_info("serving NTP alone (role: ntp): control is pid %d, dataplane is pid %d", control,
                 dataplane);
        break;
    }
}

// A child serves: the next one may start. At later starts they all have.
static void child_serves(struct supervisor *s, int which, bool first, uint64_t now)
{
    int next = which + 1;
    while (next < CHILDREN && !child_is_wanted(&s->descriptors, s->role, next))
        next++;
    if (next < CHILDREN && s->child[next].phase == LIFE_RESTING && !s->child[next].failed)
        life_begin(&s->child[next], &s->descriptors, now);
    if (which == child_last_needed(s->role) && first)
        say_serving(s);
}

// Handles a message if this child may send it in its state. False: it may not.
static bool accept_message(struct supervisor *s, int which, const struct link_message *message,
                           uint64_t now)
{
    struct life *l = &s->child[which];
    const bool first = !l->served;

    switch (message->type) {
    case LINK_READY:
        if (!life_serves(l, now))
            return false;
        child_serves(s, which, first, now);
        if (which == CONTROL)
            drain_tell(&s->drain, l->link);
        return true;
    case LINK_ACCEPTED:
    case LINK_APPLIED:
    case LINK_REFUSED:
        return reload_hear_child(&s->reload, l, message, now);
    case LINK_ASK_RELOAD:
        if (which != CONTROL || l->phase != LIFE_SERVING)
            return false;
        log_info("reloading on a request to control");
        reload_begin(&s->reload, &message->id, now);
        return true;
    case LINK_HEALTH:
        return which == CONTROL && l->phase == LIFE_SERVING &&
               hook_state(&s->hook, message->text, now);
    case LINK_DRAIN:
        return which == CONTROL && l->phase == LIFE_SERVING &&
               drain_hear(&s->drain, &s->hook, l->link, message, now, &s->stop);
    default:
        return false;
    }
}

// Reads a child's messages, which bring no descriptors. A child that sends a message that it may
// not send is muted until its next heartbeat check, so a flood of messages costs almost nothing.
static void hear(struct supervisor *s, int which, uint64_t now)
{
    struct life *l = &s->child[which];
    struct link_message message;

    for (int i = 0; i < MESSAGES && l->link >= 0 && !l->muted; i++) {
        const int result = link_receive(l->link, 0, &message);
        if (result == -EAGAIN)
            return;
        if (result == 0) {
            life_end_link(l); // its death follows: the link was its lifeline
            return;
        }
        if (result == 1 && accept_message(s, which, &message, now))
            continue;
        l->muted = true;
        if (!l->complained)
            log_error("%s (pid %d) sent a message that it may not send: ignored, as others will be",
                      l->name, (int)l->pid);
        l->complained = true;
    }
}

// As the first process of a container it must reap foreign orphans too.
static void follow_children(struct supervisor *s)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
        struct life *l = children_find(s->child, pid);
        if (l == NULL) {
            if (!WIFSTOPPED(status) && !WIFCONTINUED(status) && !reload_ended(&s->reload, pid))
                hook_ended(&s->hook, pid, status, now_ms());
            continue;
        }
        if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
            life_stopped(l, WIFSTOPPED(status));
        } else if (!s->stop) {
            l->muted = false;
            hear(s, (int)(l - s->child), now_ms()); // its last messages
            reload_child_ended(&s->reload, l);
            if (l == &s->child[DATAPLANE])
                descriptors_renew_interfaces(&s->descriptors);
            life_ended(l, status, now_ms());
            renew_look(&s->renew, now_ms()); // before the next one is started
        } else {
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
            log_info("reloading on SIGHUP");
            reload_begin(&s->reload, NULL, now_ms());
            break;
        default:
            break;
        }
    }
    follow_children(s);
}

// The dataplane's heartbeat is housekeeping's: housekeeping watches the cores (F3).
static void look_at_children(struct supervisor *s, uint64_t now)
{
    const struct descriptors *h = &s->descriptors;
    const _Atomic uint64_t *const heartbeat[CHILDREN] = {
        [ETCD] = &h->etcd_view->heartbeat,       [CONTROL] = &h->control_view->heartbeat,
        [KE] = &h->ke_view->heartbeat,           [DATAPLANE] = &h->dataplane_view->heartbeat,
        [METRICS] = &h->metrics_view->heartbeat,
    };

    if (now < s->look_ms)
        return;
    s->look_ms = now + HEARTBEAT_LOOK_MS;
    for (int i = 0; i < CHILDREN; i++)
        life_look(&s->child[i], atomic_load_explicit(heartbeat[i], memory_order_relaxed));
    renew_look(&s->renew, now);
}

static int wait_ms(const struct supervisor *s, uint64_t now)
{
    uint64_t due = s->look_ms;

    for (int i = 0; i < CHILDREN; i++)
        if (life_due_ms(&s->child[i]) < due)
            due = life_due_ms(&s->child[i]);
    if (reload_due_ms(&s->reload) < due)
        due = reload_due_ms(&s->reload);
    if (hook_due_ms(&s->hook) < due)
        due = hook_due_ms(&s->hook);
    return due <= now ? 0 : (int)(due - now);
}

static enum notify_state state_of(const struct supervisor *s)
{
    if (s->stop)
        return NOTIFY_STOPPING;
    if (s->reload.phase != RELOAD_NONE && !s->reload.automatic)
        return NOTIFY_RELOADING;
    return s->child[child_last_needed(s->role)].served ? NOTIFY_SERVING : NOTIFY_STARTING;
}

// Not before it serves: a start that fails leaves no socket behind in which clients would wait.
static void have_sockets_kept(struct supervisor *s)
{
    const unsigned now = s->descriptors.sockets_changed;

    if (s->sockets_kept != now && s->child[child_last_needed(s->role)].served &&
        kept_sockets_tell(&s->descriptors, &s->notify))
        s->sockets_kept = now;
}

static void turn(struct supervisor *s)
{
    enum { SIGNALS = CHILDREN, READER, WATCHED };
    struct pollfd fds[WATCHED];

    for (int i = 0; i < CHILDREN; i++) // poll ignores a negative descriptor
        fds[i] = (struct pollfd){.fd = s->child[i].muted ? -1 : s->child[i].link, .events = POLLIN};
    fds[SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    fds[READER] = (struct pollfd){.fd = s->reload.link, .events = POLLIN};
    poll(fds, WATCHED, wait_ms(s, now_ms()));
    const uint64_t now = now_ms();
    // Messages before deaths: a child may report that it serves and die at once.
    for (int i = 0; i < CHILDREN; i++)
        if (fds[i].revents != 0)
            hear(s, i, now);
    if (fds[READER].revents != 0)
        reload_hear_reader(&s->reload, now);
    if (fds[SIGNALS].revents != 0)
        read_signals(s);
    if (s->stop)
        return;
    reload_tick(&s->reload, now);
    if (renewal_due(&s->renewal, file_watch_changes(), now))
        reload_begin_files(&s->reload, now);
    hook_tick(&s->hook, now);
    for (int i = 0; i < CHILDREN; i++)
        life_tick(&s->child[i], &s->descriptors, now);
    look_at_children(s, now);
    have_sockets_kept(s);
    notify_tick(&s->notify, state_of(s), now);
}

// Waits until all children have ended or the time is up. True when they have ended.
static bool wait_for_ends(struct supervisor *s, uint64_t until_ms)
{
    while (children_any_lives(s->child)) {
        const uint64_t now = now_ms();
        if (now >= until_ms)
            return false;
        struct pollfd fd = {.fd = s->signals, .events = POLLIN};
        poll(&fd, 1, (int)(until_ms - now));
        read_signals(s);
    }
    return true;
}

static void stop_children(struct supervisor *s)
{
    s->stop = true;
    notify_tick(&s->notify, state_of(s), now_ms());
    reload_stop(&s->reload);
    children_signal(s->child, SIGTERM);
    if (!wait_for_ends(s, now_ms() + STOP_MS)) {
        log_warning("children have not ended after %d s: killed", STOP_MS / 1000);
        children_signal(s->child, SIGKILL);
        wait_for_ends(s, now_ms() + STOP_MS);
    }
}

int supervisor_run(struct config *config, const char *path)
{
    struct supervisor s = {
        .role = config->role,
        .reload =
            {.path = path,
             .held = &s.descriptors,
             .hook = &s.hook,
             .renewal = &s.renewal,
             .control = &s.child[CONTROL],
             .metrics = &s.child[METRICS],
             .etcd = &s.child[ETCD],
             .part = {{.life = &s.child[CONTROL], .takes = LIVE_CONTROL},
                      {.life = &s.child[KE], .takes = LIVE_KE, .absent = config->role == SERVE_NTP},
                      {.life = &s.child[DATAPLANE],
                       .takes = LIVE_DATAPLANE,
                       .absent = config->role == SERVE_KE}},
             .link = -1,
             .config_fd = -1},
        .hook = {.path = config->time.hook},
        .renew = {.held = &s.descriptors,
                  .child = {&s.child[KE], &s.child[METRICS], &s.child[CONTROL]}},
        .signals = -1,
    };

    children_prepare(s.child);
    log_set_level(config->log.level);
    notify_open(&s.notify);
    process_forbid_dumps();
    int error = cpus_leave(config->dataplane.cores, config->dataplane.n_cores);
    if (error != 0) // best effort
        log_warning("cannot leave the polling CPUs to the dataplane: %s", strerror(-error));
    error = process_hold_standard();
    if (error == 0)
        error = process_open_signals(&s.signals);
    if (error == 0)
        log_start(); // on the CPUs that are left, with standard error held
    if (error != 0) {
        log_error("cannot start: %s", strerror(-error));
        return 1;
    }
    struct file_list *files = file_list_make(config, true); // before they are read
    if (descriptors_open(&s.descriptors, config, &s.notify) != 0) {
        file_list_free(files);
        close(s.signals);
        return 1;
    }
    error = file_watch_start(files);
    if (error != 0)
        log_warning(
            "changed files of certificates will not be noticed: %s; use 'noonmarkctl reload'",
            strerror(-error));
    life_begin(&s.child[child_is_wanted(&s.descriptors, s.role, ETCD) ? ETCD : CONTROL],
               &s.descriptors, now_ms());
    while (!s.stop && !children_any_failed(s.child))
        turn(&s);
    const bool failed = children_any_failed(s.child);
    stop_children(&s);
    for (int i = 0; i < CHILDREN; i++)
        life_end_link(&s.child[i]);
    if (s.child[DATAPLANE].pid == 0)
        descriptors_keep_offset(&s.descriptors);
    descriptors_close(&s.descriptors);
    close(s.signals);
    log_info(failed ? "not started" : "stopped");
    return failed ? 1 : 0;
}
