// Opens what needs rights, in the order in which an operator should learn of faults: users, then
// ports that other programs may use, then files, then memory.
#include "supervisor/descriptors.h"

#include "base/log.h"
#include "base/now.h"
#include "link/interface_lock.h"
#include "supervisor/files.h"
#include "supervisor/hook.h"
#include "supervisor/kept_offset.h"
#include "supervisor/open_sockets.h"
#include "supervisor/start.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int find_user(const char *key, const char *text, struct user *user)
{
    const int error = privilege_user(text, user);

    if (error == -ENOENT)
        log_error("there is no user %s (%s); make it: useradd --system --no-create-home --shell "
                  "/usr/sbin/nologin %s",
                  text, key, text);
    else if (error != 0)
        log_error("user %s (%s) is root or in its group; name another user", text, key);
    return error;
}

int descriptors_find_users(const struct config *config, struct user *control,
                           struct user *dataplane)
{
    const int error = find_user("control.user", config->control.user, control);
    if (config->role == SERVE_KE)
        return error; // there is no dataplane
    const int other = find_user("dataplane.user", config->dataplane.user, dataplane);

    if (error != 0 || other != 0)
        return error != 0 ? error : other;
    if (control->uid == dataplane->uid) {
        log_error("control.user and dataplane.user are both uid %u; the two processes are kept "
                  "apart by their users, so give each its own",
                  control->uid);
        return -EINVAL;
    }
    return 0;
}

// Before the sockets, because this names a second noonmarkd best. An
// interface that is missing stays unlocked: the dataplane will say so.
static int lock_interfaces(struct descriptors *h, unsigned wait_ms)
{
    int error = 0;
    for (uint32_t i = 0; i < h->config->dataplane.n_ports && error == 0; i++) {
        const struct config_port *port = &h->config->dataplane.ports[i];
        const unsigned index = port->kind == PORT_INTERFACE ? if_nametoindex(port->device) : 0;
        if (index == 0 || index == h->interface_index[i])
            continue;
        const int fd = interface_lock(port->device, "noonmarkd", wait_ms);
        if (fd < 0) {
            error = fd == -ENODEV ? 0 : fd;
            continue;
        }
        close_if_open(&h->interface_lock[i]);
        h->interface_lock[i] = fd;
        h->interface_index[i] = index;
    }
    return error;
}

void descriptors_renew_interfaces(struct descriptors *h)
{
    lock_interfaces(h, 0);
    port_clocks_renew(&h->port_clocks, h->config);
}

static int open_board(struct descriptors *h)
{
    int error = board_create(h->board);

    for (int i = 0; i < BOARD_SIDES && error == 0; i++)
        error = board_reopen_read_only(h->board[i], &h->board_ro[i]);
    if (error == 0)
        error = board_map_control_head(h->board_ro[BOARD_CONTROL], &h->control_view);
    if (error == 0)
        error = board_map_dataplane(h->board_ro[BOARD_DATAPLANE], false, &h->dataplane_view);
    if (error == 0)
        error = board_map_ke(h->board_ro[BOARD_KE], false, &h->ke_view);
    if (error == 0)
        error = board_map_metrics(h->board_ro[BOARD_METRICS], false, &h->metrics_view);
    if (error == 0)
        error = board_map_etcd(h->board_ro[BOARD_ETCD], false, &h->etcd_view);
    if (error != 0)
        log_error("cannot make the board: %s", strerror(-error));
    return error;
}

// Before there is a dataplane, whose side of the board it is.
static void recall_offset(const struct descriptors *h)
{
    struct wall_offset offset;

    if (h->kept_offset >= 0 && kept_offset_read(h->kept_offset, &offset))
        (void)!pwrite(h->board[BOARD_DATAPLANE], &offset, sizeof offset,
                      offsetof(struct board_dataplane, wall_offset));
}

void descriptors_keep_offset(const struct descriptors *h)
{
    if (h->kept_offset >= 0)
        kept_offset_write(h->kept_offset, &h->dataplane_view->wall_offset);
}

// Rights that the children need later must be present now. If one is missing, only a warning is
// logged, and the child that needs it fails with its own message; so a container without
// CAP_NET_ADMIN can still serve a memory port.
static int reduce(const struct config *config)
{
    char missing[256];
    uint64_t permitted;
    int error = privilege_permitted(&permitted);

    if (error == 0) {
        const uint64_t unused = DATAPLANE_RIGHTS & ~start_dataplane_rights(config);
        const uint64_t needed = START_RIGHTS & ~WISHED_RIGHTS & ~unused;
        privilege_names(needed & ~permitted, missing, sizeof missing);
        if (missing[0] != '\0')
            log_warning("root lacks %s here; functions that need them will fail", missing);
        error = privilege_keep(START_RIGHTS);
    }
    if (error != 0)
        log_error("cannot reduce capabilities: %s", strerror(-error));
    return error;
}

int descriptors_open(struct descriptors *h, struct config *config, const struct notify *notify)
{
    *h = (struct descriptors){
        .config = config,
        .sockets_changed = 1,
        .kept_offset = -1,
        .config_fd = -1,
        .metrics_listener = -1,
        .metrics_program = -1,
        .etcd_program = -1,
        .control_socket = {.fd = -1},
    };
    for (int i = 0; i < GUARDS_MAX; i++)
        h->guard[i] = -1;
    for (int i = 0; i < SOCKETS_MAX; i++)
        h->socket[i] = -1;
    for (int i = 0; i < BOARD_SIDES; i++)
        h->board[i] = h->board_ro[i] = -1;
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
        h->listener[i] = -1;
    for (int i = 0; i < CONFIG_PORTS_MAX; i++)
        h->interface_lock[i] = -1;
    port_clocks_init(&h->port_clocks);

    int error = descriptors_find_users(config, &h->control_user, &h->dataplane_user);
    if (error == 0 && !hook_look(config->time.hook))
        error = -EPERM;
    if (error == 0)
        error = lock_interfaces(h, INTERFACE_LOCK_WAIT_MS);
    if (error == 0)
        error = open_sockets(h, notify);
    if (error == 0)
        error = files_key_directory(config->keys.file, &h->control_user);
    if (error == 0)
        error = open_board(h);
    if (error == 0)
        recall_offset(h);
    if (error == 0)
        error = certificates_read(config, &h->certificates);
    if (error == 0) {
        h->config_fd = files_config(config);
        error = h->config_fd < 0 ? h->config_fd : 0;
    }
    if (error == 0)
        error = reduce(config);
    if (error == 0)
        port_clocks_renew(&h->port_clocks, config);
    if (error != 0)
        descriptors_close(h);
    return error;
}

// The old socket keeps its address until the last process closes it, but it is no obstacle: it does
// not listen, and both have SO_REUSEADDR. The deadline is 0, because the loop must go on.
static int renew(const struct config_listen *at, int *listener)
{
    if (listener_listens(*listener))
        return 0;
    const int fd = listener_open(at, 0);
    if (fd < 0)
        return fd;
    log_warning("the listener at %s was shut down by a child: opened anew", at->text);
    close(*listener);
    *listener = fd;
    return 1;
}

int descriptors_renew_listeners(struct descriptors *h)
{
    int result = 0;

    for (uint32_t i = 0; i < h->config->control.n_listen; i++) {
        const int renewed = renew(&h->config->control.listen[i], &h->listener[i]);
        h->given[i] = h->given[i] && renewed <= 0;
        h->sockets_changed += renewed > 0;
        if (renewed > 0 || (renewed < 0 && result == 0))
            result = renewed;
    }
    return result;
}

int descriptors_renew_metrics(struct descriptors *h)
{
    const struct config_listen *at = &h->config->metrics.listen;
    const int renewed = at->len == 0 ? 0 : renew(at, &h->metrics_listener);
    h->sockets_changed += renewed > 0;
    return renewed;
}

int descriptors_renew_control_socket(struct descriptors *h)
{
    struct control_socket made = {.fd = -1};
    struct stat st;

    if (lstat(h->control_socket.path, &st) == 0 || errno != ENOENT)
        return 0;
    const int error = control_socket_open(&made, h->control_socket.path, h->control_socket.user, 0);
    if (error != 0)
        return error;
    log_warning("%s (control.socket) was removed: made anew", made.path);
    close(h->control_socket.fd);
    h->control_socket = made;
    return 1;
}

void descriptors_close(struct descriptors *h)
{
    control_socket_close(&h->control_socket);
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
        close_if_open(&h->listener[i]);
    close_if_open(&h->metrics_listener);
    close_if_open(&h->metrics_program);
    close_if_open(&h->etcd_program);
    close_if_open(&h->kept_offset);
    for (int i = 0; i < GUARDS_MAX; i++)
        close_if_open(&h->guard[i]);
    for (int i = 0; i < SOCKETS_MAX; i++)
        close_if_open(&h->socket[i]);
    board_unmap_control_head(h->control_view);
    board_unmap_dataplane(h->dataplane_view);
    board_unmap_ke(h->ke_view);
    board_unmap_metrics(h->metrics_view);
    board_unmap_etcd(h->etcd_view);
    h->control_view = NULL;
    h->dataplane_view = NULL;
    h->ke_view = NULL;
    h->metrics_view = NULL;
    h->etcd_view = NULL;
    for (int i = 0; i < BOARD_SIDES; i++) {
        close_if_open(&h->board[i]);
        close_if_open(&h->board_ro[i]);
    }
    close_if_open(&h->config_fd);
    for (int i = 0; i < CONFIG_PORTS_MAX; i++)
        close_if_open(&h->interface_lock[i]);
    port_clocks_close(&h->port_clocks, h->config);
    certificates_close(&h->certificates);
}
