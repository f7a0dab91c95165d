// Start-up in the order of dependence: board, keys, clock, control socket. Then reports that it
// serves and runs its errands. A new task of control is a row of the errands' table.
#include "control/control.h"

#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "board/board.h"
#include "config/config.h"
#include "control/control_filter.h"
#include "control/errands.h"
#include "control/keys/keys.h"
#include "control/show/facts.h"
#include "control/show/status.h"
#include "control/time/time_source.h"
#include "link/child.h"
#include "link/child_reload.h"
#include "link/handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BEAT_MS = 100,        // the longest time between two heartbeats
    CLOCK_WAIT_MS = 1500, // for the clock's first line
    FACTS_MS = 250,       // between two publications of the facts
};

// The errands, in the order of their table.
enum { SIGNALS, LINK, CLOCK, KEYS, SOCKET, FACTS_OUT, ERRANDS };

struct control {
    struct config *config;
    struct config *fresh; // prepared for a reload, and not decided yet
    struct child_reload reload;
    struct board_control *board;
    struct board_dataplane *dataplane; // read-only
    struct board_ke *ke;               // read-only
    struct board_metrics *metrics;     // read-only
    struct board_etcd *etcd;           // read-only
    struct board_facts *facts;
    struct status_sources sources;
    struct keys *keys;
    struct time_source *time;
    struct status *status;
    int signals;
    struct errand errand[ERRANDS];
    int epoll;
    bool must_end;
    bool again; // and be started anew at once
};

// Logs what failed and returns result.
static int failed(const char *what, int result)
{
    log_error("%s: %s", what, strerror(-result));
    return result;
}

static int read_config(struct control *c)
{
    struct config_error error;
    // A predecessor with the same file offset may have read the descriptor to its end.
    if (lseek(HANDOVER_CONFIG, 0, SEEK_SET) < 0)
        return failed("configuration", -errno);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", &c->config, &error) < 0) {
        log_error("%s", error.text);
        return -EINVAL;
    }
    log_set_level(c->config->log.level);
    return 0;
}

static int open_board(struct control *c)
{
    int result = board_map_control(HANDOVER_BOARD_CONTROL, true, &c->board);
    if (result == 0)
        result = board_map_dataplane(HANDOVER_BOARD_DATAPLANE, false, &c->dataplane);
    if (result == 0)
        result = board_map_ke(HANDOVER_BOARD_KE, false, &c->ke);
    if (result == 0)
        result = board_map_metrics(HANDOVER_BOARD_METRICS, false, &c->metrics);
    if (result == 0)
        result = board_map_etcd(HANDOVER_BOARD_ETCD, false, &c->etcd);
    if (result == 0)
        result = board_map_facts(HANDOVER_BOARD_FACTS, true, &c->facts);
    if (result < 0)
        return failed("board", result);
    atomic_fetch_add_explicit(&c->board->starts, 1, memory_order_relaxed);
    return 0;
}

// The time source needs some samples for a line. A predecessor's line is good enough.
static int await_clock(struct control *c)
{
    struct ntp_state_view view = {0};
    for (uint64_t end = now_ns() + CLOCK_WAIT_MS * (uint64_t)NOW_NS_PER_MS; now_ns() < end;) {
        uint64_t due = time_source_turn(c->time, now_ns());
        ntp_state_refresh(&c->board->ntp_state, &view);
        if (view.state.serving)
            return 0;
        for (uint64_t now = now_ns(); now < due; now = now_ns())
            nanosleep(&(struct timespec){.tv_nsec = (long)(due - now)}, NULL);
    }
    // Keys are published all the same; the cores do not answer until there is a line.
    log_warning("time source: there is no line of the clock yet; serving starts, and requests are "
                "dropped until there is one");
    return 0;
}

// Keys and the first clock state are published before any client is served.
static int open_sources(struct control *c)
{
    int result = keys_open(c->config, &c->keys);
    if (result < 0)
        return failed("cookie keys", result);
    keys_publish(c->keys, &c->board->keyring);
    result = time_source_open(c->config, HANDOVER_TIME_SOURCE, &c->board->ntp_state, &c->time);
    if (result < 0)
        return failed("time source", result);
    return await_clock(c);
}

static int open_status(struct control *c)
{
    c->sources = (struct status_sources){
        .config = c->config,
        .control = c->board,
        .dataplane = c->dataplane,
        .keys = c->keys,
        .time = c->time,
        .ke = c->ke,
        .metrics = c->metrics,
        .etcd = c->etcd,
        .link = HANDOVER_LINK,
    };
    int result = status_open(HANDOVER_CONTROL_SOCKET, &c->sources, &c->status);
    return result < 0 ? failed("control socket", result) : 0;
}

static int take_signals(struct control *c)
{
    int result = child_take_signals(&c->signals);
    return result < 0 ? failed("signals", result) : 0;
}

// SIGTERM.
static uint64_t end_turn(struct control *c, uint64_t now)
{
    (void)now;
    c->must_end = true;
    return ERRAND_NEVER;
}

static void cancel_reload(void *self)
{
    struct control *c = self;
    config_free(c->fresh);
    c->fresh = NULL;
}

// Control reads its settings anew in each turn. So a reload only replaces the values, and the
// clock's line and health stay as they are.
static int prepare_reload(void *self, struct link_message *message, char *why, size_t len)
{
    struct control *c = self;
    struct config_error error;

    char fault[KEYS_WHY_MAX];

    if (config_load_fd(message->fd[0], "configuration", &c->fresh, &error) != 0) {
        snprintf(why, len, "%s", error.text);
        return -EINVAL;
    }
    if (keys_may_set(c->keys, c->config, c->fresh, fault))
        return 0;
    snprintf(why, len, "%s", fault);
    cancel_reload(c);
    return -EINVAL;
}

static void commit_reload(void *self)
{
    struct control *c = self;
    config_swap_live(c->config, c->fresh);
    keys_set(c->keys, c->config);
    c->errand[KEYS].due_ns = 0; // a rotation may be due earlier than it was
    cancel_reload(c);           // what is left is the old values
}

// Reads a message of the supervisor: a new configuration, the result of a reload that a client of
// the control socket has requested, or whether the server drains.
static uint64_t link_turn(struct control *c, uint64_t now)
{
    struct link_message message;
    (void)now;
    switch (child_hear(1, &message)) {
    case CHILD_NOTHING:
        break;
    case CHILD_MESSAGE:
        if (child_reload_hear(&c->reload, &message))
            break;
        if (message.type == LINK_APPLIED || message.type == LINK_REFUSED)
            status_reloaded(c->status, message.id, message.type == LINK_APPLIED, message.text);
        else if (message.type == LINK_DRAIN)
            status_draining(c->status, message.id, strcmp(message.text, LINK_DRAIN_ON) == 0);
        else
            log_error("the supervisor's message %u is not for control: ignored; please report this",
                      message.type);
        link_close_descriptors(&message);
        break;
    case CHILD_ENDS:
        c->must_end = true;
        break;
    }
    return ERRAND_NEVER;
}

// Takes a sample, and tells the supervisor of a change of health, for the hook: once it was sent,
// or again at the next turn.
static uint64_t clock_turn(struct control *c, uint64_t now)
{
    char news[TIME_SOURCE_NEWS_MAX];
    const uint64_t due = time_source_turn(c->time, now);

    if (time_source_has_news(c->time, now, news) &&
        link_send(HANDOVER_LINK, LINK_HEALTH, 0, news) == 0)
        time_source_told(c->time);
    if (time_source_is_lost(c->time, now)) {
        log_warning("the time source's device has gone: control ends, to be given it anew");
        c->must_end = c->again = true;
    }
    return due;
}

static uint64_t key_turn(struct control *c, uint64_t now)
{
    struct time_report report;
    time_source_report(c->time, &report);
    keys_trust_clock(c->keys, report.trusted);
    const uint64_t due = keys_turn(c->keys, &c->board->keyring, now);
    keys_publish_hints(c->keys, &c->board->key_hints);
    status_keys_turned(c->status);
    return due;
}

static uint64_t socket_turn(struct control *c, uint64_t now)
{
    const uint64_t due = status_turn(c->status, now);
    if (keys_outcome(c->keys)->asked == KEYS_ASKED)
        c->errand[KEYS].due_ns = now; // a client waits for a rotation
    return due;
}

// A key that has sealed too many cookies ends its time early.
static void watch_wear(struct control *c, uint64_t now)
{
    struct keys_line line[KEYS_LINES];
    keys_describe(c->keys, now, line); // the current key comes first
    const struct key_count count = board_key_count(c->dataplane, c->ke, line[0].id);
    if (keys_note_sealed(c->keys, line[0].id, count.sealed))
        c->errand[KEYS].due_ns = now;
}

// For the metrics' process; and looks at the counts of the keys, which are among the facts.
static uint64_t facts_turn(struct control *c, uint64_t now)
{
    facts_publish(&c->sources, c->facts);
    watch_wear(c, now);
    return now + FACTS_MS * (uint64_t)NOW_NS_PER_MS;
}

static int list_errands(struct control *c)
{
    const struct errand errands[ERRANDS] = {
        [SIGNALS] = {"signals", c->signals, ERRAND_NEVER, end_turn},
        [LINK] = {"the link", HANDOVER_LINK, ERRAND_NEVER, link_turn},
        [CLOCK] = {"the clock", -1, 0, clock_turn},
        [KEYS] = {"the keys", -1, 0, key_turn},
        [SOCKET] = {"the control socket", status_fd(c->status), ERRAND_NEVER, socket_turn},
        [FACTS_OUT] = {"the facts", -1, 0, facts_turn},
    };
    memcpy(c->errand, errands, sizeof errands);
    return errands_watch(c->errand, ERRANDS, &c->epoll);
}

// After this the supervisor starts ke, and then the dataplane.
static int say_ready(struct control *c)
{
    atomic_store_explicit(&c->board->version, BOARD_VERSION, memory_order_release);
    int result = child_say_ready();
    return result < 0 ? failed("ready", result) : 0;
}

static int open_all(struct control *c)
{
    static int (*const steps[])(struct control *) = {
        take_signals, read_config, open_board, open_sources, open_status, list_errands,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int result = steps[i](c);
        if (result < 0)
            return result;
    }
    int result = control_filter_apply();
    if (result < 0)
        return failed("seccomp", result);
    return say_ready(c);
}

static void serve(struct control *c)
{
    while (!c->must_end) {
        atomic_store_explicit(&c->board->heartbeat, now_ns(), memory_order_relaxed);
        atomic_store_explicit(&c->board->log_lost, log_lost(), memory_order_relaxed);
        errands_turn(c->errand, ERRANDS, c->epoll, BEAT_MS, c);
    }
}

static void close_all(struct control *c)
{
    child_reload_close(&c->reload);
    status_close(c->status);
    time_source_close(c->time);
    keys_close(c->keys);
    board_unmap_facts(c->facts);
    board_unmap_etcd(c->etcd);
    board_unmap_metrics(c->metrics);
    board_unmap_ke(c->ke);
    board_unmap_dataplane(c->dataplane);
    board_unmap_control(c->board);
    config_free(c->config);
}

int control_main(void)
{
    struct control control = {.signals = -1, .epoll = -1};
    control.reload = (struct child_reload){.prepare = prepare_reload,
                                           .commit = commit_reload,
                                           .cancel = cancel_reload,
                                           .self = &control};

    int result = child_hide();
    secret_lock_process();
    if (result < 0)
        failed("confinement", result);
    else
        result = open_all(&control);
    if (result == 0)
        serve(&control);
    close_all(&control);
    if (result == 0 && control.again)
        return CHILD_EXIT_AGAIN;
    return result == 0 ? 0 : 1;
}
