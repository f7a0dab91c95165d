// Who gets what, in the order of link/handover.h.
#include "supervisor/start.h"

#include "base/log.h"
#include "link/handover.h"
#include "supervisor/child.h"
#include "supervisor/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    HANDED_MOST = HANDOVER_FIRST_LISTENER + CONFIG_LISTEN_MAX + 2 * CONFIG_CERTIFICATES_MAX,
    // Beside connections: what ke opens for itself, and what stays reserved (F18).
    DESCRIPTORS_SPARE = 256,
    // Ke holds what strangers make it hold, and costs only the handshakes under way; control can be
    // had again at no cost in replies; the dataplane cannot (F25).
    OOM_KE = 500,
    OOM_CONTROL = 250,
    OOM_DATAPLANE = -500,
};

static_assert((int)HANDED_MOST <= (int)CHILD_HANDED_MAX, "a child takes all that it is handed");
static_assert((int)HANDOVER_FIRST_INTERFACE_LOCK + CONFIG_PORTS_MAX <= HANDED_MOST,
              "the dataplane's descriptors fit too");

static int hand(struct handed *handed, size_t *n, int fd, int at)
{
    if (fd < 0)
        return fd;
    handed[(*n)++] = (struct handed){.fd = fd, .at = at};
    return 0;
}

// The two descriptors that every child has. Each start has its own open file of the configuration,
// since descriptors that were only copied would share one file offset. *config_fd is the caller's
// to close.
static int hand_common(const struct descriptors *h, struct handed *handed, size_t *n,
                       int *config_fd)
{
    *config_fd = files_reopen(h->config_fd);
    const int error = hand(handed, n, *config_fd, HANDOVER_CONFIG);
    if (error != 0)
        return error;
    return hand(handed, n, h->lifeline_read, HANDOVER_LIFELINE);
}

static int hand_certificates(const struct config *c, struct handed *handed, size_t *n, int at)
{
    for (uint32_t i = 0; i < c->control.n_certificates; i++) {
        const struct config_certificate *pair = &c->control.certificates[i];
        int error = hand(handed, n, files_open_certificate(pair->chain, "chain"), at++);
        if (error == 0)
            error = hand(handed, n, files_open_certificate(pair->key, "key"), at++);
        if (error != 0)
            return error;
    }
    return 0;
}

// Makes the pipe on which the child will say that it serves, and starts it.
static pid_t start_serving(struct child_plan *plan, struct handed *handed, size_t ready_at,
                           int *ready)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    handed[ready_at].fd = ends[1];
    plan->handed = handed;
    const pid_t pid = child_start(plan);
    close(ends[1]);
    if (pid < 0)
        close(ends[0]);
    else
        *ready = ends[0];
    return pid;
}

pid_t start_control(const struct descriptors *h, int *ready)
{
    struct handed handed[HANDED_MOST];
    size_t n = 0;
    int config_fd = -1;

    int error = hand_common(h, handed, &n, &config_fd);
    if (error == 0)
        error = hand(handed, &n, h->board_control, HANDOVER_BOARD_CONTROL);
    if (error == 0)
        error = hand(handed, &n, h->board_dataplane_ro, HANDOVER_BOARD_DATAPLANE);
    const size_t ready_at = n++;
    handed[ready_at].at = HANDOVER_READY;
    if (error == 0)
        error = hand(handed, &n, h->board_ke_ro, HANDOVER_BOARD_KE);
    if (error == 0)
        error = hand(handed, &n, h->control_socket.fd, HANDOVER_CONTROL_SOCKET);

    pid_t pid = error;
    if (error == 0) {
        struct child_plan plan = {
            .role = ROLE_CONTROL,
            .user = &h->control_user,
            .n_handed = n,
            .oom_score_adj = OOM_CONTROL,
        };
        pid = start_serving(&plan, handed, ready_at, ready);
    }
    if (config_fd >= 0)
        close(config_fd);
    if (pid < 0)
        log_error("cannot start control: %s", strerror(-pid));
    return pid;
}

// As control's user: what keeps the two apart is ke's filter (control/ke/ke_filter.c), which leaves
// it no file, no signal to another process and no look into one. A user of its own would keep apart
// no more, and every installation would have to make one.
pid_t start_ke(const struct descriptors *h, int *ready)
{
    const struct config *c = h->config;
    struct handed handed[HANDED_MOST];
    size_t n = 0;
    int config_fd = -1;

    int error = hand_common(h, handed, &n, &config_fd);
    if (error == 0)
        error = hand(handed, &n, h->board_control_ro, HANDOVER_BOARD_CONTROL);
    const size_t ready_at = n++;
    handed[ready_at].at = HANDOVER_READY;
    if (error == 0)
        error = hand(handed, &n, h->board_ke, HANDOVER_BOARD_KE);
    int at = HANDOVER_FIRST_LISTENER;
    for (uint32_t i = 0; error == 0 && i < c->control.n_listen; i++)
        error = hand(handed, &n, h->listener[i], at++);
    const size_t first_certificate = n;
    if (error == 0)
        error = hand_certificates(c, handed, &n, at);

    pid_t pid = error;
    if (error == 0) {
        struct child_plan plan = {
            .role = ROLE_KE,
            .user = &h->control_user,
            .n_handed = n,
            .oom_score_adj = OOM_KE,
            .descriptors = c->control.max_connections + DESCRIPTORS_SPARE,
        };
        pid = start_serving(&plan, handed, ready_at, ready);
    }
    for (size_t i = first_certificate; i < n; i++)
        close(handed[i].fd);
    if (config_fd >= 0)
        close(config_fd);
    if (pid < 0)
        log_error("cannot start ke: %s", strerror(-pid));
    return pid;
}

pid_t start_dataplane(const struct descriptors *h, int *ready)
{
    struct handed handed[HANDED_MOST];
    size_t n = 0;
    int config_fd = -1;

    int error = hand_common(h, handed, &n, &config_fd);
    if (error == 0)
        error = hand(handed, &n, h->board_control_ro, HANDOVER_BOARD_CONTROL);
    if (error == 0)
        error = hand(handed, &n, h->board_dataplane, HANDOVER_BOARD_DATAPLANE);
    const size_t ready_at = n++;
    handed[ready_at].at = HANDOVER_READY;
    int at = HANDOVER_FIRST_INTERFACE_LOCK;
    for (uint32_t i = 0; error == 0 && i < h->config->dataplane.n_ports; i++)
        if (h->interface_lock[i] >= 0)
            error = hand(handed, &n, h->interface_lock[i], at++);

    pid_t pid = error;
    if (error == 0) {
        struct child_plan plan = {
            .role = ROLE_DATAPLANE,
            .user = &h->dataplane_user,
            .rights = DATAPLANE_RIGHTS,
            .n_handed = n,
            .oom_score_adj = OOM_DATAPLANE,
        };
        pid = start_serving(&plan, handed, ready_at, ready);
    }
    if (config_fd >= 0)
        close(config_fd);
    if (pid < 0)
        log_error("cannot start the dataplane: %s", strerror(-pid));
    return pid;
}

bool start_needs_sweep(const struct descriptors *h)
{
    for (uint32_t i = 0; i < h->config->dataplane.n_ports; i++)
        if (h->config->dataplane.ports[i].kind == PORT_INTERFACE)
            return true;
    return false;
}

pid_t start_sweep(const struct descriptors *h)
{
    struct handed handed[HANDED_MOST];
    size_t n = 0;
    int config_fd = -1;

    const int error = hand_common(h, handed, &n, &config_fd);
    pid_t pid = error;
    if (error == 0) {
        const struct child_plan plan = {
            .role = ROLE_SWEEP, .rights = SWEEP_RIGHTS, .handed = handed, .n_handed = n};
        pid = child_start(&plan);
    }
    if (config_fd >= 0)
        close(config_fd);
    if (pid < 0)
        log_error("cannot start the sweep of interfaces: %s", strerror(-pid));
    return pid;
}
