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
#include "control/ke/ke_filter.h"
#include "control/ke/ke_limit.h"
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
#include <unistd.h>

enum { BEAT_MS = 100 };

struct process {
    struct config *config;
    struct board_control *control; // read-only
    struct board_ke *board;
    struct tls *tls;
    struct ke *ke;
    struct prefixes *sources; // NULL: all
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

// Fills in the pairs that a configuration names; fd: chain and key of each. shown may be NULL.
static uint32_t name_pairs(const struct config *config, const int *fd,
                           struct board_certificate *shown,
                           struct tls_pair pairs[CONFIG_CERTIFICATES_MAX])
{
    const uint32_t n = config->control.n_certificates;
    for (uint32_t i = 0; i < n; i++) {
        const struct config_certificate *c = &config->control.certificates[i];
        pairs[i] = (struct tls_pair){c->chain, c->key, fd[2 * i], fd[2 * i + 1],
                                     shown == NULL ? NULL : &shown[i]};
    }
    return n;
}

// Of a path that is too long its end is shown, which tells certificates apart better.
static void show_certificates(struct board_ke *board, const struct config *config,
                              struct board_certificate *certificate)
{
    const uint32_t n = config->control.n_certificates;
    for (uint32_t i = 0; i < n; i++) {
        struct board_certificate *shown = &certificate[i];
        const char *chain = config->control.certificates[i].chain;
        const size_t len = strlen(chain), most = sizeof shown->chain - 1;
        snprintf(shown->chain, sizeof shown->chain, "%s", chain + (len > most ? len - most : 0));
        snapshot_publish(&board->certificate[i], shown, sizeof *shown);
    }
    // Partner: the acquire in the readers of the number.
    atomic_store_explicit(&board->n_certificates, n, memory_order_release);
}

bool ke_process_check(const struct config *config, const int *fd)
{
    struct tls_pair pairs[CONFIG_CERTIFICATES_MAX];
    struct tls *tls;
    uint32_t n = 0;

    const uint32_t all = name_pairs(config, fd, NULL, pairs);
    for (uint32_t i = 0; i < all; i++)
        if (pairs[i].chain_fd >= 0 && pairs[i].key_fd >= 0)
            pairs[n++] = pairs[i];
    if (tls_open(pairs, n, &tls) != 0)
        return false;
    tls_close(tls);
    return true;
}

// Chain and key of each pair follow the listeners.
static int open_tls(struct process *p)
{
    struct tls_pair pairs[CONFIG_CERTIFICATES_MAX];
    int fd[2 * CONFIG_CERTIFICATES_MAX] = {0};
    const uint32_t n_fd = 2 * p->config->control.n_certificates;
    for (uint32_t i = 0; i < n_fd; i++)
        fd[i] = HANDOVER_FIRST_LISTENER + (int)(p->config->control.n_listen + i);

    struct board_certificate shown[CONFIG_CERTIFICATES_MAX] = {0};
    int result = tls_open(pairs, name_pairs(p->config, fd, shown, pairs), &p->tls);
    if (result == 0)
        show_certificates(p->board, p->config, shown);
    for (uint32_t i = 0; i < n_fd; i++) // read only once: later ones come over the link
        close(fd[i]);
    return result;
}

static int open_ke(struct process *p)
{
    int listeners[CONFIG_LISTEN_MAX];
    for (uint32_t i = 0; i < p->config->control.n_listen; i++)
        listeners[i] = HANDOVER_FIRST_LISTENER + (int)i;

    uint32_t wanted = p->config->control.max_connections;
    uint32_t fit = ke_limit_connections(wanted);
    if (fit < wanted)
        log_warning("control.max_connections: %u of %u fit into the limit of open files; raise it "
                    "(LimitNOFILE=)",
                    fit, wanted);
    int result = config_sources(p->config, &p->sources);
    if (result < 0)
        return failed("lists of prefixes", result);
    const struct ke_setup setup = {
        .tls = p->tls,
        .listeners = listeners,
        .n_listeners = p->config->control.n_listen,
        .ring = &p->control->keyring,
        .counters = &p->board->counters,
        .ntp_server = p->config->control.ntp_server,
        .udp_port = p->config->dataplane.udp_port,
        .threads = p->config->control.threads,
        .deadline_ms = p->config->control.deadline_ms,
        .max_connections = fit,
        .sources = p->sources,
    };
    result = ke_open(&setup, &p->ke);
    return result < 0 ? failed("key exchange", result) : 0;
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

// Serves other certificates, all of them or none; *why is the reason on failure.
static int replace_pairs(struct process *p, const struct link_message *message, char *why,
                         size_t len)
{
    struct tls_pair pairs[CONFIG_CERTIFICATES_MAX];
    struct config *config; // only the pairs' names are used
    struct config_error error;

    if (config_load_fd(message->fd[0], "configuration", &config, &error) < 0) {
        snprintf(why, len, "%s", error.text);
        return -EINVAL;
    }
    int result = message->n == 1 + 2 * config->control.n_certificates ? 0 : -EBADMSG;
    snprintf(why, len, "the certificates are not those of the configuration; please report this");
    if (result == 0) {
        log_divert(why, len);
        struct board_certificate shown[CONFIG_CERTIFICATES_MAX] = {0};
        const uint32_t n = name_pairs(config, message->fd + 1, shown, pairs);
        result = tls_replace(p->tls, pairs, n);
        log_divert(NULL, 0);
        if (result == 0)
            show_certificates(p->board, config, shown);
    }
    config_free(config);
    return result;
}

static void reload(struct process *p, struct link_message *message)
{
    char why[1024];
    const int result = replace_pairs(p, message, why, sizeof why);
    link_close_descriptors(message);
    // If ke cannot answer, the supervisor assumes that it has not taken the certificates.
    if (link_send(HANDOVER_LINK, result == 0 ? LINK_APPLIED : LINK_REFUSED, message->id,
                  result == 0 ? NULL : why) != 0)
        log_error("cannot send the result of the reload to the supervisor");
}

// Reads a message of the supervisor. False at the link's end.
static bool hear(struct process *p)
{
    struct link_message message;
    const enum child_heard heard = child_hear(LINK_DESCRIPTORS_MAX, &message);

    if (heard == CHILD_MESSAGE && message.type == LINK_RELOAD) {
        reload(p, &message);
    } else if (heard == CHILD_MESSAGE) {
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
        n = epoll_wait(p->epoll, &event, 1, BEAT_MS);
    } while (n <= 0 || (event.data.fd == HANDOVER_LINK && hear(p)));
}

static void close_all(struct process *p)
{
    ke_close(p->ke);
    prefixes_free(p->sources);
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
