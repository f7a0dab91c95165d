// Deaths and starts of one child.
#include "supervisor/life.h"

#include "base/log.h"
#include "link/child.h"
#include "supervisor/start.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void life_end_link(struct life *l)
{
    if (l->link >= 0)
        close(l->link);
    l->link = -1;
}

// The process has ended, or could not be made. A child that never served would fail again for the
// same reason, so the whole noonmarkd ends instead of running without it (F26).
static void died(struct life *l, uint64_t now_ms)
{
    life_end_link(l);
    l->pid = 0;
    if (!l->served) {
        l->failed = true;
        l->phase = LIFE_RESTING;
        return;
    }
    const uint32_t wait = backoff_died(&l->backoff, now_ms - l->since_ms);
    l->phase = LIFE_WAITING;
    l->due_ms = now_ms + wait;
    if (wait > 0)
        log_warning("%s is started again in %u ms", l->name, wait);
}

void life_begin(struct life *l, const struct descriptors *h, uint64_t now_ms)
{
    l->since_ms = now_ms;
    l->pid = l->start(h, &l->link);
    if (l->pid < 0) {
        died(l, now_ms);
        return;
    }
    l->phase = LIFE_STARTING;
    l->stopped = false;
    l->muted = false;
    l->complained = false;
}

bool life_serves(struct life *l, uint64_t now_ms)
{
    if (l->phase != LIFE_STARTING)
        return false;
    if (l->served)
        log_info("%s serves again, pid %d, after %llu ms", l->name, (int)l->pid,
                 (unsigned long long)(now_ms - l->since_ms));
    l->phase = LIFE_SERVING;
    l->last_beat = (struct heartbeat){0};
    l->served = true;
    return true;
}

static void say_end(const struct life *l, int status)
{
    if (WIFSIGNALED(status))
        log_error("%s (pid %d) was ended by signal %d, %s", l->name, (int)l->pid, WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    else
        log_error("%s (pid %d) ended with status %d", l->name, (int)l->pid, WEXITSTATUS(status));
}

// It served, and ended because it must open something anew. No back-off: what happened to it is no
// fault of its own.
static void starts_again(struct life *l, uint64_t now_ms)
{
    const uint64_t soonest = l->since_ms + LIFE_AGAIN_MS;

    log_info("%s (pid %d) has ended, to be started again", l->name, (int)l->pid);
    life_end_link(l);
    l->pid = 0;
    l->phase = LIFE_WAITING;
    l->due_ms = now_ms > soonest ? now_ms : soonest;
}

void life_renew(struct life *l, const struct descriptors *h, uint64_t now_ms)
{
    l->served = true;
    if (l->pid > 0) {
        l->next = LIFE_NEXT_AGAIN;
        kill(l->pid, SIGKILL);
    } else {
        life_begin(l, h, now_ms);
    }
}

void life_dismiss(struct life *l)
{
    if (l->pid > 0) {
        l->next = LIFE_NEXT_REST;
        kill(l->pid, SIGKILL);
    } else {
        l->phase = LIFE_RESTING;
    }
}

void life_ended(struct life *l, int status, uint64_t now_ms)
{
    const enum life_next next = l->next;

    l->next = LIFE_NEXT_USUAL;
    if (next == LIFE_NEXT_AGAIN) {
        starts_again(l, now_ms);
        return;
    }
    if (next == LIFE_NEXT_REST) {
        log_info("%s (pid %d) has ended: it is not wanted any more", l->name, (int)l->pid);
        life_end_link(l);
        l->pid = 0;
        l->phase = LIFE_RESTING;
        return;
    }
    if (l->phase == LIFE_SERVING && WIFEXITED(status) && WEXITSTATUS(status) == CHILD_EXIT_AGAIN) {
        starts_again(l, now_ms);
        return;
    }
    say_end(l, status);
    died(l, now_ms);
}

void life_stopped(struct life *l, bool stopped)
{
    l->stopped = stopped;
    l->last_beat.still = 0; // the shorter limit counts from now on
    log_warning("%s (pid %d) was %s by a signal", l->name, (int)l->pid,
                stopped ? "stopped" : "continued");
}

void life_look(struct life *l, uint64_t heartbeat)
{
    const uint32_t patience = l->stopped ? l->patience_stopped : l->patience;

    l->muted = false;
    if (l->phase != LIFE_SERVING || heartbeat_awake(&l->last_beat, heartbeat, patience))
        return;
    log_error("%s (pid %d) stands still: killed", l->name, (int)l->pid);
    kill(l->pid, SIGKILL);
    l->last_beat.still = 0; // killed only once
}

// Kills a child that hangs; waitpid then reports a death like any other.
static void kill_hung(struct life *l, uint32_t limit_ms)
{
    log_error("%s (pid %d) is not done after %u s: killed", l->name, (int)l->pid, limit_ms / 1000);
    kill(l->pid, SIGKILL);
    l->since_ms += limit_ms; // killed only once
}

void life_tick(struct life *l, const struct descriptors *h, uint64_t now_ms)
{
    if (now_ms < life_due_ms(l))
        return;
    switch (l->phase) {
    case LIFE_WAITING:
        life_begin(l, h, now_ms);
        break;
    case LIFE_STARTING:
        kill_hung(l, LIFE_START_MS);
        break;
    case LIFE_RESTING:
    case LIFE_SERVING:
        break;
    }
}

uint64_t life_due_ms(const struct life *l)
{
    switch (l->phase) {
    case LIFE_WAITING:
        return l->due_ms;
    case LIFE_STARTING:
        return l->since_ms + LIFE_START_MS;
    case LIFE_RESTING:
    case LIFE_SERVING:
        break;
    }
    return UINT64_MAX;
}
