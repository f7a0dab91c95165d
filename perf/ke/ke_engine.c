#include "perf/ke/ke_engine.h"

#include "base/bytes.h"
#include "perf/ke/ke_slow.h"
#include "perf/ke/ke_steps.h"
#include "perf/ke/ke_trust.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    CLOSING_MS = 1000, // time for the server to end a connection after the exchange
    DRIBBLE_MS = 500,
    SPARE_DESCRIPTORS = 64, // in addition to those of sessions
};

struct ke_engine {
    const struct ke_target *target;
    struct ke_listener listener;
    SSL_CTX *context;
    int epoll;
    uint32_t max_open;
    uint32_t n_sessions;
    uint32_t n_touched; // sessions used so far; the pages of the others have not been touched
    uint32_t next_source;
    struct ke_session *sessions;
    struct ke_session *spare; // a stack, linked by next_spare
    struct ke_line running;   // until the deadline
    struct ke_line dribbling; // slow ones, until the next octet
    struct ke_line closing;   // already reported
    uint64_t idle_ns;
    struct ke_grant grant; // of the session that is being reported
};

// Each session has a descriptor, also while it closes.
static int make_room(uint32_t n_sessions, char why[256])
{
    struct rlimit limit;
    const rlim_t need = n_sessions + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_cur < need && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= need)
        return 0;
    snprintf(why, 256,
             "%u sessions at once need %llu descriptors, and this process may have %llu; "
             "raise it with ulimit -n",
             n_sessions / 2, (unsigned long long)need, (unsigned long long)limit.rlim_cur);
    return -EMFILE;
}

static uint64_t or_ms(uint64_t ns, uint64_t ms)
{
    return ns ? ns : ms * 1000000;
}

int ke_engine_open(const struct ke_target *target, uint32_t max_open, struct ke_listener listener,
                   struct ke_engine **engine, char why[256])
{
    assert(max_open > 0);
    snprintf(why, 256, "no memory for %u sessions", max_open);
    struct ke_engine *made = calloc(1, sizeof *made);
    if (!made)
        return -ENOMEM;
    *made = (struct ke_engine){
        .target = target,
        .listener = listener,
        .epoll = -1,
        .max_open = max_open,
        .n_sessions = 2 * max_open, // as many more may be closing
        .running.span_ns = or_ms(target->deadline_ns, KE_DEADLINE_MS),
        .dribbling.span_ns = or_ms(target->dribble_ns, DRIBBLE_MS),
        .closing.span_ns = or_ms(0, CLOSING_MS),
    };
    made->sessions = calloc(made->n_sessions, sizeof *made->sessions);
    int result = made->sessions ? 0 : -ENOMEM;
    if (result == 0)
        result = make_room(made->n_sessions, why);
    if (result == 0)
        result = ke_trust_open(target, &made->context, why);
    if (result < 0)
        goto fail;
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (made->epoll < 0) {
        result = -errno;
        snprintf(why, 256, "epoll: %s", strerror(-result));
        goto fail;
    }
    signal(SIGPIPE, SIG_IGN); // OpenSSL's socket BIO writes even if the server has closed
    *engine = made;
    return 0;
fail:
    ke_engine_close(made);
    return result;
}

static void end(struct ke_engine *e, struct ke_session *s)
{
    ke_line_leave(&s->waiter);
    ke_session_end(s); // removes it from epoll, too
    s->next_spare = e->spare;
    e->spare = s;
}

static void tell(struct ke_engine *e, struct ke_session *s)
{
    const bool granted = s->report.outcome == KE_OUTCOME_GRANTED;
    e->listener.done(e->listener.context, &s->report, granted ? &e->grant : NULL);
    if (!granted) {
        end(e, s);
        return;
    }
    bytes_wipe(&e->grant, sizeof e->grant);
    ke_line_join(&e->closing, &s->waiter, s->report.times.ended_ns);
}

static void turn_session(struct ke_engine *e, struct ke_session *s)
{
    enum ke_progress progress = ke_steps_turn(s, &e->grant);
    if (progress == KE_PROGRESS_DECIDED) {
        tell(e, s);
        // The end of the connection may have come with the end of the exchange; then no further
        // edge follows.
        if (s->fd >= 0 && ke_steps_turn(s, &e->grant) == KE_PROGRESS_OVER)
            end(e, s);
    } else if (progress == KE_PROGRESS_OVER) {
        end(e, s);
    }
}

static struct ke_session *take_spare(struct ke_engine *e)
{
    if (!e->spare && e->n_touched < e->n_sessions)
        return &e->sessions[e->n_touched++];
    if (!e->spare) // ends the oldest of the closing ones
        end(e, (struct ke_session *)e->closing.first);
    struct ke_session *s = e->spare;
    e->spare = s->next_spare;
    return s;
}

static const struct sockaddr_storage *choose_source(struct ke_engine *e)
{
    if (e->target->n_sources == 0)
        return NULL;
    e->next_source = (e->next_source + 1) % e->target->n_sources;
    return &e->target->sources[e->next_source];
}

bool ke_engine_begin(struct ke_engine *e, enum ke_kind kind, uint64_t tag, uint64_t scheduled_ns)
{
    if (ke_engine_open_now(e) == e->max_open)
        return false;
    struct ke_session *s = take_spare(e);
    const uint64_t now = ke_now_ns();
    s->report = (struct ke_report){
        .kind = kind,
        .tag = tag,
        .times = {.scheduled_ns = scheduled_ns, .began_ns = now},
    };
    ke_line_join(ke_kind_is_slow(kind) ? &e->dribbling : &e->running, &s->waiter, now);
    enum ke_progress progress = ke_steps_begin(s, e->context, e->target, choose_source(e));
    // Edge-triggered, so that a session needs one call, whatever it waits for.
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
    if (progress == KE_PROGRESS_WAITING && epoll_ctl(e->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0) {
        s->report.error = errno;
        ke_session_decide(s, KE_OUTCOME_OWN_LIMIT);
        progress = KE_PROGRESS_DECIDED;
    }
    if (progress == KE_PROGRESS_DECIDED)
        tell(e, s);
    return true;
}

// A slow client's next octet is due, or its hold time is over.
static void turn_dribbling(struct ke_engine *e, struct ke_session *s, uint64_t now)
{
    const uint64_t held = now - s->report.times.began_ns;
    enum ke_progress progress = KE_PROGRESS_WAITING;
    if (s->step != KE_STEP_DRIBBLING && held >= e->running.span_ns) {
        ke_session_decide(s, KE_OUTCOME_TIMED_OUT);
        progress = KE_PROGRESS_DECIDED;
    } else if (e->target->hold_ns && held >= e->target->hold_ns) {
        ke_session_decide(s, KE_OUTCOME_HELD);
        progress = KE_PROGRESS_DECIDED;
    } else if (s->step == KE_STEP_DRIBBLING) {
        progress = ke_slow_dribble(s);
    }
    if (progress == KE_PROGRESS_DECIDED)
        tell(e, s);
    else
        ke_line_join(&e->dribbling, &s->waiter, now);
}

static void keep_times(struct ke_engine *e)
{
    const uint64_t now = ke_now_ns();
    struct ke_waiter *w;
    while ((w = ke_line_due(&e->running, now))) {
        ke_session_decide((struct ke_session *)w, KE_OUTCOME_TIMED_OUT);
        tell(e, (struct ke_session *)w);
    }
    while ((w = ke_line_due(&e->dribbling, now)))
        turn_dribbling(e, (struct ke_session *)w, now);
    while ((w = ke_line_due(&e->closing, now)))
        end(e, (struct ke_session *)w);
}

static uint64_t earliest(const struct ke_engine *e)
{
    const uint64_t a = ke_line_next_ns(&e->running);
    const uint64_t b = ke_line_next_ns(&e->dribbling);
    const uint64_t c = ke_line_next_ns(&e->closing);
    return a < b ? (a < c ? a : c) : (b < c ? b : c);
}

static int wait_for_events(struct ke_engine *e, struct epoll_event *events, uint64_t ns)
{
    const struct timespec span = {.tv_sec = (time_t)(ns / 1000000000),
                                  .tv_nsec = (long)(ns % 1000000000)};
    int n = epoll_pwait2(e->epoll, events, EVENTS, &span, NULL);
    if (n < 0 && errno == ENOSYS) // Linux before 5.11, valgrind
        n = epoll_wait(e->epoll, events, EVENTS, (int)((ns + 999999) / 1000000));
    return n;
}

void ke_engine_turn(struct ke_engine *e, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS];
    const uint64_t before = ke_now_ns(), due = earliest(e);
    uint64_t wait = due > before ? due - before : 0;
    wait = wait < timeout_ns ? wait : timeout_ns;
    int n = wait_for_events(e, events, wait);
    if (wait > 0)
        e->idle_ns += ke_now_ns() - before;
    for (int i = 0; i < n; i++)
        turn_session(e, events[i].data.ptr);
    keep_times(e);
}

uint32_t ke_engine_max_open(const struct ke_engine *e)
{
    return e->max_open;
}

uint32_t ke_engine_open_now(const struct ke_engine *e)
{
    return e->running.n + e->dribbling.n;
}

uint64_t ke_engine_idle_ns(const struct ke_engine *e)
{
    return e->idle_ns;
}

void ke_engine_close(struct ke_engine *e)
{
    if (!e)
        return;
    for (uint32_t i = 0; i < e->n_touched; i++)
        if (e->sessions[i].fd >= 0)
            end(e, &e->sessions[i]);
    free(e->sessions);
    SSL_CTX_free(e->context);
    if (e->epoll >= 0)
        close(e->epoll);
    bytes_wipe(e, sizeof *e);
    free(e);
}
