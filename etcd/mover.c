// Start-up in the order of dependence, then two threads: main keeps the link and the heartbeat, the
// other one works (work.h), and may have to wait for etcd, a resolver or a disk.
#include "etcd/mover.h"

#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "board/board.h"
#include "config/config.h"
#include "etcd/gateway.h"
#include "etcd/mover_filter.h"
#include "etcd/post.h"
#include "etcd/work.h"
#include "link/child.h"
#include "link/handover.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BEAT_MS = 100,
    // Without a document in the file the server cannot start: control is started after this
    // process, and waits for it as long. A node that starts for the first time gets its keys here.
    FIRST_MS = 15000,
    END_MS = 1000,
};

struct mover {
    struct config *config;
    struct board_facts *facts; // read-only
    struct board_etcd *board;
    struct work *work;
    int signals;
    pthread_t thread;
    _Atomic bool ends;    // main: the thread is to end
    _Atomic bool has_any; // the thread: there is a document in the file
    bool ready;
};

// Logs what failed and returns result.
static int failed(const char *what, int result)
{
    log_error("%s: %s", what, strerror(-result));
    return result;
}

static int take_signals(struct mover *m)
{
    const int result = child_take_signals(&m->signals);
    return result < 0 ? failed("signals", result) : 0;
}

static int read_config(struct mover *m)
{
    struct config_error error;
    // A predecessor with the same file offset may have read the descriptor to its end.
    if (lseek(HANDOVER_CONFIG, 0, SEEK_SET) < 0)
        return failed("configuration", -errno);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", &m->config, &error) < 0) {
        log_error("%s", error.text);
        return -EINVAL;
    }
    log_set_level(m->config->log.level);
    return 0;
}

static int open_board(struct mover *m)
{
    int result = board_map_facts(HANDOVER_BOARD_FACTS, false, &m->facts);
    if (result == 0)
        result = board_map_etcd(HANDOVER_BOARD_ETCD, true, &m->board);
    if (result < 0)
        return failed("board", result);
    atomic_fetch_add_explicit(&m->board->starts, 1, memory_order_relaxed);
    return 0;
}

static void *run(void *arg)
{
    struct mover *m = arg;

    while (!atomic_load_explicit(&m->ends, memory_order_relaxed)) {
        work_turn(m->work, now_ns());
        if (work_has_document(m->work))
            atomic_store_explicit(&m->has_any, true, memory_order_relaxed);
        nanosleep(&(struct timespec){.tv_nsec = BEAT_MS * (long)NOW_NS_PER_MS}, NULL);
    }
    return NULL;
}

// Before the filter, which lets no thread begin another process but lets threads begin.
static int start_work(struct mover *m)
{
    sigset_t all, before;
    int result = post_begin();

    if (result < 0)
        return failed("libcurl", result);
    gateway_begin();
    m->work = work_open(m->config, m->facts, m->board);
    if (m->work == NULL)
        return failed("start", -ENOMEM);
    m->has_any = work_has_document(m->work);
    result = mover_filter_apply();
    if (result < 0)
        return failed("seccomp", result);
    sigfillset(&all); // main handles signals
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = -pthread_create(&m->thread, NULL, run, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result < 0 ? failed("thread", result) : 0;
}

static int open_all(struct mover *m)
{
    static int (*const steps[])(struct mover *) = {take_signals, read_config, open_board,
                                                   start_work};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const int result = steps[i](m);
        if (result < 0)
            return result;
    }
    return 0;
}

// Once there is a document, or the time for one is over: control then says what is missing.
static void say_ready(struct mover *m, uint64_t begun_ns)
{
    const bool late = now_ns() - begun_ns >= FIRST_MS * (uint64_t)NOW_NS_PER_MS;

    if (m->ready || (!late && !atomic_load_explicit(&m->has_any, memory_order_relaxed)))
        return;
    m->ready = true;
    atomic_store_explicit(&m->board->version, BOARD_VERSION, memory_order_release);
    const int result = child_say_ready();
    if (result < 0)
        failed("ready", result);
}

// Reads a message of the supervisor. False at the link's end.
static bool hear(void)
{
    struct link_message message;
    const enum child_heard heard = child_hear(0, &message);

    if (heard == CHILD_MESSAGE)
        log_error("the supervisor's message %u is not for etcd: ignored; please report this",
                  message.type);
    return heard != CHILD_ENDS;
}

// Runs until SIGTERM or the end of the link.
static void serve(struct mover *m)
{
    const uint64_t begun_ns = now_ns();
    struct pollfd fds[2] = {{.fd = m->signals, .events = POLLIN},
                            {.fd = HANDOVER_LINK, .events = POLLIN}};

    for (;;) {
        atomic_store_explicit(&m->board->heartbeat, now_ns(), memory_order_relaxed);
        atomic_store_explicit(&m->board->log_lost, log_lost(), memory_order_relaxed);
        say_ready(m, begun_ns);
        if (poll(fds, 2, BEAT_MS) <= 0)
            continue;
        if (fds[0].revents != 0 || (fds[1].revents != 0 && !hear()))
            return;
    }
}

// The thread may hang in a resolver or a disk, and is then left behind: the process ends without
// it. Nothing is lost: the file is put in place whole or not at all.
static bool end_work(struct mover *m)
{
    struct timespec until;

    atomic_store_explicit(&m->ends, true, memory_order_relaxed);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_MS / 1000;
    if (pthread_timedjoin_np(m->thread, NULL, &until) != 0)
        return false;
    work_close(m->work);
    return true;
}

int mover_main(void)
{
    struct mover mover = {.signals = -1};

    int result = child_hide();
    secret_lock_process();
    if (result < 0)
        failed("confinement", result);
    else
        result = open_all(&mover);
    if (result == 0) {
        log_info("keeping %s as etcd has it, at %s%s", mover.config->keys.fleet_file,
                 mover.config->keys.etcd.endpoints[0],
                 mover.config->keys.etcd.n_endpoints > 1 ? " and others" : "");
        serve(&mover);
        if (!end_work(&mover)) {
            log_flush();
            _exit(0);
        }
    }
    board_unmap_etcd(mover.board);
    board_unmap_facts(mover.facts);
    config_free(mover.config);
    return result == 0 ? 0 : 1;
}
