// Start-up in the order of dependence: configuration, board, HTTP server, filter. One thread.
#include "metrics/exporter.h"

#include "base/log.h"
#include "base/now.h"
#include "board/board.h"
#include "config/config.h"
#include "link/child.h"
#include "link/handover.h"
#include "metrics/exporter_filter.h"
#include "metrics/http.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BEAT_MS = 100 };

struct exporter {
    struct config *config;
    struct board_facts *facts; // read-only, as the next two
    struct board_dataplane *dataplane;
    struct board_ke *ke;
    struct board_metrics *board;
    struct board_etcd *etcd; // read-only
    struct exposition_sources sources;
    struct http *http;
    int signals;
    int epoll;
};

// Logs what failed and returns result.
static int failed(const char *what, int result)
{
    log_error("%s: %s", what, strerror(-result));
    return result;
}

static int take_signals(struct exporter *e)
{
    int result = child_take_signals(&e->signals);
    return result < 0 ? failed("signals", result) : 0;
}

static int read_config(struct exporter *e)
{
    struct config_error error;
    // A predecessor with the same file offset may have read the descriptor to its end.
    if (lseek(HANDOVER_CONFIG, 0, SEEK_SET) < 0)
        return failed("configuration", -errno);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", &e->config, &error) < 0) {
        log_error("%s", error.text);
        return -EINVAL;
    }
    log_set_level(e->config->log.level);
    return 0;
}

static int open_board(struct exporter *e)
{
    int result = board_map_facts(HANDOVER_BOARD_FACTS, false, &e->facts);
    if (result == 0)
        result = board_map_dataplane(HANDOVER_BOARD_DATAPLANE, false, &e->dataplane);
    if (result == 0)
        result = board_map_ke(HANDOVER_BOARD_KE, false, &e->ke);
    if (result == 0)
        result = board_map_metrics(HANDOVER_BOARD_METRICS, true, &e->board);
    if (result == 0)
        result = board_map_etcd(HANDOVER_BOARD_ETCD, false, &e->etcd);
    if (result < 0)
        return failed("board", result);
    atomic_fetch_add_explicit(&e->board->starts, 1, memory_order_relaxed);
    return 0;
}

static int open_http(struct exporter *e)
{
    e->sources = (struct exposition_sources){
        .facts = e->facts,
        .dataplane = e->dataplane,
        .ke = e->ke,
        .metrics = e->board,
        .role = e->config->role,
        .etcd = e->etcd,
        .started_s = time(NULL),
    };
    return http_open(HANDOVER_METRICS_LISTENER, &e->sources, e->board, &e->http);
}

static int open_waiting(struct exporter *e)
{
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (e->epoll < 0)
        return failed("epoll", -errno);
    const int watched[] = {e->signals, HANDOVER_LINK, http_fd(e->http)};
    for (int i = 0; i < 3; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = watched[i]};
        if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, watched[i], &event) < 0)
            return failed("epoll", -errno);
    }
    return 0;
}

static int confine(struct exporter *e)
{
    (void)e;
    int result = exporter_filter_apply();
    return result < 0 ? failed("seccomp", result) : 0;
}

static int say_ready(struct exporter *e)
{
    atomic_store_explicit(&e->board->version, BOARD_VERSION, memory_order_release);
    int result = child_say_ready();
    return result < 0 ? failed("ready", result) : 0;
}

static int open_all(struct exporter *e)
{
    static int (*const steps[])(struct exporter *) = {
        take_signals, read_config, open_board, open_http, open_waiting, confine, say_ready,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int result = steps[i](e);
        if (result < 0)
            return result;
    }
    return 0;
}

// Reads a message of the supervisor. False at the link's end.
static bool hear(void)
{
    struct link_message message;
    const enum child_heard heard = child_hear(0, &message);

    if (heard == CHILD_MESSAGE)
        log_error("the supervisor's message %u is not for metrics: ignored; please report this",
                  message.type);
    return heard != CHILD_ENDS;
}

// Runs until SIGTERM or the end of the link.
static void serve(struct exporter *e)
{
    for (;;) {
        uint64_t now = now_ns();
        atomic_store_explicit(&e->board->heartbeat, now, memory_order_relaxed);
        atomic_store_explicit(&e->board->log_lost, log_lost(), memory_order_relaxed);
        const uint64_t due = http_turn(e->http, now);
        now = now_ns();
        uint64_t wait_ms = due > now ? (due - now - 1) / NOW_NS_PER_MS + 1 : 0;
        wait_ms = wait_ms < BEAT_MS ? wait_ms : BEAT_MS;

        struct epoll_event event;
        const int n = epoll_wait(e->epoll, &event, 1, (int)wait_ms);
        if (n > 0 && (event.data.fd == e->signals || (event.data.fd == HANDOVER_LINK && !hear())))
            return;
    }
}

static void close_all(struct exporter *e)
{
    http_close(e->http);
    board_unmap_etcd(e->etcd);
    board_unmap_metrics(e->board);
    board_unmap_ke(e->ke);
    board_unmap_dataplane(e->dataplane);
    board_unmap_facts(e->facts);
    config_free(e->config);
}

int exporter_main(void)
{
    struct exporter exporter = {.signals = -1, .epoll = -1};

    int result = child_hide();
    if (result < 0)
        failed("confinement", result);
    else
        result = open_all(&exporter);
    if (result == 0) {
        log_info("serving metrics at http://%s/metrics", exporter.config->metrics.listen.text);
        serve(&exporter);
    }
    close_all(&exporter);
    return result == 0 ? 0 : 1;
}
