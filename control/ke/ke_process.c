// Start-up in the order of dependence: board, TLS, loops; then gives up unneeded rights and reports
// that it serves. Control has published keys before ke is started.
//
// Main thread: link, SIGTERM, heartbeat, new certificates. The loops have threads of their own.
#include "control/ke/ke_process.h"

#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "board/board.h"
#include "config/config.h"
#include "control/ke/ke.h"
#include "control/ke/ke_certificates.h"
#include "control/ke/ke_expiry.h"
#include "control/ke/ke_filter.h"
#include "control/ke/ke_limit.h"
#include "control/ke/ke_lists.h"
#include "control/ke/ke_pool.h"
#include "control/ke/ke_reload.h"
#include "control/ke/slab.h"
#include "control/ke/tls.h"
#include "control/ke/tls_memory.h"
#include "link/child.h"
#include "link/handover.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BEAT_MS = 100 };

struct process {
    struct config *config;
    struct ke_reload reload;
    struct ke_expiry expiry;
    struct board_control *control; // read-only
    struct board_ke *board;
    struct tls *tls;
    struct ke *ke;
    struct ke_lists lists;
    struct ke_tokens *tokens; // NULL: no pool
    int signals;
    int epoll;
};

// Logs what failed and returns result.
static int failed(const char *what, int result)
{
    log_error("%s: %s", what, strerror(-result));
    return result;
}

static int take_signals(struct process *p)
{
    int result = child_take_signals(&p->signals);
    return result < 0 ? failed("signals", result) : 0;
}

static int read_config(struct process *p)
{
    struct config_error error;
    // A predecessor with the same file offset may have read the descriptor to its end.
    if (lseek(HANDOVER_CONFIG, 0, SEEK_SET) < 0)
        return failed("configuration", -errno);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", &p->config, &error) < 0) {
        log_error("%s", error.text);
        return -EINVAL;
    }
    log_set_level(p->config->log.level);
    return 0;
}

static int open_board(struct process *p)
{
    int result = board_map_control(HANDOVER_BOARD_CONTROL, false, &p->control);
    if (result == 0)
        result = board_map_ke(HANDOVER_BOARD_KE, true, &p->board);
    if (result < 0)
        return failed("board", result);
    atomic_fetch_add_explicit(&p->board->starts, 1, memory_order_relaxed);
    ke_counters_take_over(&p->board->counters);
    return 0;
}

// Before TLS keys are read: OpenSSL keeps them, and values computed from them, in ordinary memory.
static int lock_memory(struct process *p)
{
    (void)p;
    secret_lock_process();
    return 0;
}

// They follow the certificates, if there are some: else NULL.
static int read_tokens(const struct config *config, const int *fd, struct ke_tokens **tokens)
{
    char why[512];
    const uint32_t at = 2 * config->control.n_certificates;
    if (config_secret_files(config) == at || fd[at] < 0)
        return 0;
    const int result = ke_tokens_read(fd[at], config->control.pool.tokens, tokens, why, sizeof why);
    if (result < 0)
        log_error("%s", why);
    return result;
}

bool ke_process_check(const struct config *config, const int *fd)
{
    struct tls_pair pairs[CONFIG_CERTIFICATES_MAX];
    struct tls *tls;
    struct ke_tokens *tokens = NULL;
    uint32_t n = 0;

    const uint32_t all = ke_certificates_name(config, fd, NULL, pairs);
    for (uint32_t i = 0; i < all; i++)
        if (pairs[i].chain_fd >= 0 && pairs[i].key_fd >= 0)
            pairs[n++] = pairs[i];
    bool good = read_tokens(config, fd, &tokens) == 0;
    ke_tokens_free(tokens);
    const struct tls_names names = ke_certificates_names(config);
    if (tls_open(pairs, n, &names, &tls) != 0)
        return false;
    tls_close(tls);
    return good;
}

// Chain and key of each pair follow the listeners.
static int open_tls(struct process *p)
{
    struct tls_pair pairs[CONFIG_CERTIFICATES_MAX];
    int fd[CONFIG_SECRET_FILES_MAX] = {0};
    const uint32_t n_fd = config_secret_files(p->config);
    for (uint32_t i = 0; i < n_fd; i++)
        fd[i] = HANDOVER_FIRST_LISTENER + (int)(p->config->control.n_listen + i);

    struct board_certificate shown[CONFIG_CERTIFICATES_MAX] = {0};
    const struct tls_names names = ke_certificates_names(p->config);
    int result =
        tls_open(pairs, ke_certificates_name(p->config, fd, shown, pairs), &names, &p->tls);
    if (result == 0)
        ke_certificates_show(p->board, p->config, shown);
    if (result == 0)
        result = read_tokens(p->config, fd, &p->tokens);
    for (uint32_t i = 0; i < n_fd; i++) // read only once: later ones come over the link
        close(fd[i]);
    return result;
}

static int open_ke(struct process *p)
{
    int listeners[CONFIG_LISTEN_MAX];
    for (uint32_t i = 0; i < p->config->control.n_listen; i++)
        listeners[i] = HANDOVER_FIRST_LISTENER + (int)i;

    int result = ke_lists_make(p->config, &p->lists);
    if (result < 0)
        return failed("lists of prefixes", result);
    const struct ke_setup setup = {
        .tls = p->tls,
        .listeners = listeners,
        .n_listeners = p->config->control.n_listen,
        .ring = &p->control->keyring,
        .counters = &p->board->counters,
        .sealed = &p->board->keys,
        .ntp_server = p->config->control.ntp_server,
        .udp_port = config_ntp_port(p->config),
        .threads = p->config->control.threads,
        .deadline_ms = p->config->control.deadline_ms,
        .max_connections = ke_limit_connections(p->config->control.max_connections),
        .sources = p->lists.sources,
        .balancers = p->lists.balancers,
        .shares = ke_shares_of(p->config),
        .tokens = p->tokens,
        .kept_most = p->config->control.pool.max_connections,
        .idle_ms = p->config->control.pool.idle_ms,
    };
    result = ke_open(&setup, &p->ke);
    if (result < 0)
        return failed("key exchange", result);
    ke_reload_open(&p->reload, &(struct ke_reload){.config = p->config,
                                                   .tls = p->tls,
                                                   .ke = p->ke,
                                                   .board = p->board,
                                                   .lists = p->lists,
                                                   .tokens = p->tokens});
    p->lists = (struct ke_lists){0}; // it owns them now
    p->tokens = NULL;
    return 0;
}

static int open_waiting(struct process *p)
{
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return failed("epoll", -errno);
    const int watched[] = {p->signals, HANDOVER_LINK};
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = watched[i]};
        if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, watched[i], &event) < 0)
            return failed("epoll", -errno);
    }
    return 0;
}

static int confine(struct process *p)
{
    (void)p;
    int result = ke_filter_apply();
    return result < 0 ? failed("seccomp", result) : 0;
}

static int say_ready(struct process *p)
{
    atomic_store_explicit(&p->board->version, BOARD_VERSION, memory_order_release);
    int result = child_say_ready();
    return result < 0 ? failed("ready", result) : 0;
}

static int open_all(struct process *p)
{
    static int (*const steps[])(struct process *) = {
        take_signals, read_config,  lock_memory, open_board, open_tls,
        open_ke,      open_waiting, confine,     say_ready,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int result = steps[i](p);
        if (result < 0)
            return result;
    }
    return 0;
}

// Reads a message of the supervisor. False at the link's end.
static bool hear(struct process *p)
{
    struct link_message message;
    const enum child_heard heard = child_hear(LINK_DESCRIPTORS_MAX, &message);

    if (heard == CHILD_MESSAGE && !child_reload_hear(&p->reload.child, &message)) {
        log_error("the supervisor's message %u is not for ke: ignored; please report this",
                  message.type);
        link_close_descriptors(&message);
    }
    return heard != CHILD_ENDS;
}

// Runs until SIGTERM or the end of the link.
static void serve(struct process *p)
{
    struct epoll_event event;
    int n;
    do {
        atomic_store_explicit(&p->board->heartbeat, now_ns(), memory_order_relaxed);
        atomic_store_explicit(&p->board->log_lost, log_lost(), memory_order_relaxed);
        slab_rest();
        ke_expiry_look(&p->expiry, p->board, (int64_t)time(NULL));
        n = epoll_wait(p->epoll, &event, 1, BEAT_MS);
    } while (n <= 0 || (event.data.fd == HANDOVER_LINK && hear(p)));
}

static void close_all(struct process *p)
{
    ke_close(p->ke);
    ke_reload_close(&p->reload);
    ke_lists_free(&p->lists);
    ke_tokens_free(p->tokens);
    tls_close(p->tls);
    board_unmap_ke(p->board);
    board_unmap_control(p->control);
    config_free(p->config);
}

int ke_process_main(void)
{
    struct process process = {.signals = -1, .epoll = -1};

    int result = child_hide();
    if (result < 0)
        failed("confinement", result);
    else if (!tls_memory_take())
        result = failed("OpenSSL's memory", -EALREADY);
    else
        result = open_all(&process);
    if (result == 0) {
        log_info("serving NTS-KE on %u addresses", process.config->control.n_listen);
        serve(&process);
    }
    close_all(&process);
    return result == 0 ? 0 : 1;
}

const char *ke_process_openssl_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
