// The descriptors, user and rights of each child, in the order of link/handover.h.
#include "supervisor/start.h"

#include "base/log.h"
#include "link/handover.h"
#include "link/link.h"
#include "supervisor/child.h"
#include "supervisor/files.h"
#include "supervisor/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    HANDED_MOST = HANDOVER_FIRST_SOCKET + SOCKETS_MAX,
    // In addition to connections: what ke opens for itself, and what stays reserved (F18).
    DESCRIPTORS_SPARE = 256,
    // Clients decide how much memory ke uses, and its death costs only the handshakes under way.
    // Control can be restarted without the loss of a reply; the dataplane cannot (F25).
    OOM_KE = 500,
    OOM_CONTROL = 250,
    OOM_METRICS = 750, // costs nothing but a scrape
    OOM_ETCD = 500,    // or the news of a document
    OOM_DATAPLANE = -500,
};

static_assert((int)HANDED_MOST <= (int)CHILD_HANDED_MAX, "a child takes all that it is handed");
static_assert((int)HANDOVER_FIRST_LISTENER + CONFIG_LISTEN_MAX + CONFIG_SECRET_FILES_MAX <=
                  HANDED_MOST,
              "ke's descriptors fit too");

// The descriptors of every child: the configuration and its link. Each start opens the
// configuration's file again, since copied descriptors would share one file offset.
struct start {
    struct handed handed[HANDED_MOST];
    size_t n;
    int link[2];           // the supervisor's end, the child's end
    int ours[HANDED_MOST]; // to be closed here, once the child has its copies
    size_t n_ours;
};

static int hand(struct start *s, int fd, int at)
{
    if (fd < 0)
        return fd;
    s->handed[s->n++] = (struct handed){.fd = fd, .at = at};
    return 0;
}

// The same for a descriptor that was made only for this start.
static int give(struct start *s, int fd, int at)
{
    if (fd >= 0)
        s->ours[s->n_ours++] = fd;
    return hand(s, fd, at);
}

static int hand_common(struct start *s, const struct descriptors *h)
{
    *s = (struct start){.link = {-1, -1}};
    int error = give(s, files_reopen(h->config_fd), HANDOVER_CONFIG);
    if (error == 0)
        error = link_pair(s->link);
    return error == 0 ? give(s, s->link[1], HANDOVER_LINK) : error;
}

static int hand_certificates(struct start *s, const struct descriptors *h, int at)
{
    int error = 0;
    for (uint32_t i = 0; i < h->certificates.n && error == 0; i++)
        error = give(s, files_reopen(h->certificates.file[i].fd), at++);
    return error;
}

// Starts the child, unless there was an error before.
static pid_t finish(struct start *s, int error, struct child_plan *plan, int *link)
{
    plan->handed = s->handed;
    plan->n_handed = s->n;
    const pid_t pid = error == 0 ? child_start(plan) : error;
    for (size_t i = 0; i < s->n_ours; i++)
        close(s->ours[i]);
    if (pid > 0) {
        *link = s->link[0];
        return pid;
    }
    if (s->link[0] >= 0)
        close(s->link[0]);
    log_error("cannot start %s: %s", plan->role, strerror(-pid));
    return pid;
}

// At the first start a source that cannot be opened is a wrong configuration. Later it has gone,
// and control must run without: it keeps the keys, and says that the clock is unhealthy. The number
// must be taken all the same, or control would get it for something else.
static int open_source(const struct descriptors *h)
{
    const int fd = source_open(h->config);
    const bool first = atomic_load_explicit(&h->control_view->starts, memory_order_relaxed) == 0;

    if (fd >= 0 || first)
        return fd;
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    return nothing >= 0 ? nothing : -errno;
}

pid_t start_control(const struct descriptors *h, int *link)
{
    struct start s;
    struct child_plan plan = {.role = ROLE_CONTROL,
                              .user = &h->control_user,
                              .locks = true,
                              .oom_score_adj = OOM_CONTROL};

    int error = hand_common(&s, h);
    if (error == 0)
        error = hand(&s, h->board[BOARD_CONTROL], HANDOVER_BOARD_CONTROL);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_DATAPLANE], HANDOVER_BOARD_DATAPLANE);
    if (error == 0 && source_has_descriptor(h->config))
        error = give(&s, open_source(h), HANDOVER_TIME_SOURCE);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_KE], HANDOVER_BOARD_KE);
    if (error == 0)
        error = hand(&s, h->control_socket.fd, HANDOVER_CONTROL_SOCKET);
    if (error == 0)
        error = hand(&s, h->board[BOARD_FACTS], HANDOVER_BOARD_FACTS);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_METRICS], HANDOVER_BOARD_METRICS);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_ETCD], HANDOVER_BOARD_ETCD);
    return finish(&s, error, &plan, link);
}

// Ke runs as control's user. Ke's filter (control/ke/ke_filter.c) keeps the two apart: it forbids
// opening files, signals to other processes and reading their memory. A user of its own would
// separate them no better, and every installation would have to make one.
pid_t start_ke(const struct descriptors *h, int *link)
{
    struct start s;
    struct child_plan plan = {
        .role = ROLE_KE,
        .user = &h->control_user,
        .locks = true,
        .oom_score_adj = OOM_KE,
        .descriptors = h->config->control.max_connections + DESCRIPTORS_SPARE,
    };

    int error = hand_common(&s, h);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_CONTROL], HANDOVER_BOARD_CONTROL);
    if (error == 0)
        error = hand(&s, h->board[BOARD_KE], HANDOVER_BOARD_KE);
    int at = HANDOVER_FIRST_LISTENER;
    for (uint32_t i = 0; error == 0 && i < h->config->control.n_listen; i++)
        error = hand(&s, h->listener[i], at++);
    if (error == 0)
        error = hand_certificates(&s, h, at);
    return finish(&s, error, &plan, link);
}

void start_raise_ke(pid_t ke, const struct config *config)
{
    const rlim_t wanted = config->control.max_connections + (rlim_t)DESCRIPTORS_SPARE;
    struct rlimit files;

    if (prlimit(ke, RLIMIT_NOFILE, NULL, &files) != 0 || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = wanted;
    if (files.rlim_max < wanted)
        files.rlim_max = wanted;
    prlimit(ke, RLIMIT_NOFILE, &files, NULL);
}

uint64_t start_dataplane_rights(const struct config *config)
{
    const bool sockets_alone = config_socket_ports(config) == config->dataplane.n_ports;
    return sockets_alone ? CAPABILITY(CAP_IPC_LOCK) : DATAPLANE_RIGHTS;
}

pid_t start_dataplane(const struct descriptors *h, int *link)
{
    struct start s;
    struct child_plan plan = {
        .role = ROLE_DATAPLANE,
        .user = &h->dataplane_user,
        .locks = true,
        .rights = start_dataplane_rights(h->config),
        .oom_score_adj = OOM_DATAPLANE,
    };

    int error = hand_common(&s, h);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_CONTROL], HANDOVER_BOARD_CONTROL);
    if (error == 0)
        error = hand(&s, h->board[BOARD_DATAPLANE], HANDOVER_BOARD_DATAPLANE);
    for (int i = 0; error == 0 && i < GUARDS_MAX; i++)
        if (h->guard[i] >= 0)
            error = hand(&s, h->guard[i], HANDOVER_FIRST_GUARD + i);
    int at = HANDOVER_FIRST_INTERFACE_LOCK;
    for (uint32_t i = 0; error == 0 && i < h->config->dataplane.n_ports; i++)
        if (h->interface_lock[i] >= 0)
            error = hand(&s, h->interface_lock[i], at++);
    for (uint32_t i = 0; error == 0 && i < h->config->dataplane.n_ports; i++)
        if (h->port_clocks.of[i].fd >= 0)
            error = hand(&s, h->port_clocks.of[i].fd, HANDOVER_FIRST_PHC + (int)i);
    for (int i = 0; error == 0 && i < SOCKETS_MAX; i++)
        if (h->socket[i] >= 0)
            error = hand(&s, h->socket[i], HANDOVER_FIRST_SOCKET + i);
    return finish(&s, error, &plan, link);
}

// It faces strangers, and gets nothing that is secret: neither a descriptor of the keyring's side
// of the board nor one of the certificates' keys. Control's user for ke's reasons.
pid_t start_metrics(const struct descriptors *h, int *link)
{
    struct start s;
    struct child_plan plan = {
        .role = ROLE_METRICS,
        .program = h->metrics_program,
        .user = &h->control_user,
        .oom_score_adj = OOM_METRICS,
        .descriptors = DESCRIPTORS_SPARE,
    };

    int error = hand_common(&s, h);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_DATAPLANE], HANDOVER_BOARD_DATAPLANE);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_KE], HANDOVER_BOARD_KE);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_FACTS], HANDOVER_BOARD_FACTS);
    if (error == 0)
        error = hand(&s, h->board[BOARD_METRICS], HANDOVER_BOARD_METRICS);
    if (error == 0)
        error = hand(&s, h->metrics_listener, HANDOVER_METRICS_LISTENER);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_ETCD], HANDOVER_BOARD_ETCD);
    return finish(&s, error, &plan, link);
}

// It speaks to etcd, and gets of the board only what it writes and what is no secret. Control's
// user, because control must be able to read the file that it writes, and nobody else may.
pid_t start_etcd(const struct descriptors *h, int *link)
{
    struct start s;
    struct child_plan plan = {
        .role = ROLE_ETCD,
        .program = h->etcd_program,
        .user = &h->control_user,
        .locks = true,
        .oom_score_adj = OOM_ETCD,
        .descriptors = DESCRIPTORS_SPARE,
    };

    int error = hand_common(&s, h);
    if (error == 0)
        error = hand(&s, h->board_ro[BOARD_FACTS], HANDOVER_BOARD_FACTS);
    if (error == 0)
        error = hand(&s, h->board[BOARD_ETCD], HANDOVER_BOARD_ETCD);
    return finish(&s, error, &plan, link);
}

pid_t start_reader(const struct descriptors *h, int *link)
{
    struct start s;
    struct child_plan plan = {.role = ROLE_RELOAD, .rights = READER_RIGHTS};

    const int error = hand_common(&s, h);
    return finish(&s, error, &plan, link);
}
