// Everything that the supervisor keeps open for its children, as long as it lives: sockets, the
// board, the configuration, copies of the certificates. Single-threaded.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "supervisor/certificates.h"
#include "supervisor/listeners.h"
#include "supervisor/notify.h"
#include "supervisor/port_clocks.h"
#include "supervisor/privilege.h"

struct descriptors {
    struct config *config; // the configuration in force; not owned
    struct user control_user;
    struct user dataplane_user;
    int config_fd; // sealed memfd of the configuration in force
    struct certificates certificates;
    int board[BOARD_SIDES];    // writable
    int board_ro[BOARD_SIDES]; // read-only copies
    int guard[GUARDS_MAX];   // IPv4, IPv6 of each UDP port; negative: the kernel does not have that
                             // family, a port is a socket, or there is no such UDP port
    int socket[SOCKETS_MAX]; // of the ports that are sockets, in the order of link/handover.h
    int listener[CONFIG_LISTEN_MAX];
    bool given[CONFIG_LISTEN_MAX]; // that one is the service manager's, too
    int metrics_listener;          // -1: metrics.listen names no address
    int metrics_program;      // supervisor/program.h; negative: it is not there, and need not be
    int etcd_program;         // likewise
    int kept_offset;          // kept_offset.h; negative: none
    unsigned sockets_changed; // counts changes of what the service manager is to keep
    struct control_socket control_socket;
    int interface_lock[CONFIG_PORTS_MAX];       // -1: no interface, or one that is not there
    unsigned interface_index[CONFIG_PORTS_MAX]; // which the lock is of
    struct port_clocks port_clocks;             // of their devices
    const struct board_control *control_view;   // for heartbeats, read-only; without its keyring
    struct board_dataplane *dataplane_view;
    struct board_ke *ke_view;
    struct board_metrics *metrics_view;
    struct board_etcd *etcd_view;
};

// The users of a configuration, that of the dataplane only where there is one; both looked up
// before the first fault ends it. 0 or -errno, logged.
int descriptors_find_users(const struct config *config, struct user *control,
                           struct user *dataplane);

// Opens everything, then gives up the rights that only opening needed. 0, or -errno with the reason
// logged and nothing left behind. notify: the service manager, which may have kept sockets.
int descriptors_open(struct descriptors *h, struct config *config, const struct notify *notify);

// Opens each TCP listener again that no longer listens: a child has shut it down. The old socket is
// not used again, because the child may have changed its options. 1 when one was opened: the
// processes with the old one must be restarted. 0: all listen. -errno, logged: none was opened, and
// one is missing.
int descriptors_renew_listeners(struct descriptors *h);

// The listeners that another configuration names beside those that are held, by its order; -1: it
// is held, or there is none.
struct fresh_listeners {
    int ke[CONFIG_LISTEN_MAX];
    int metrics;
};

// Opens them, without waiting. 0, or -errno with the reason logged and none open.
int descriptors_open_fresh(const struct descriptors *h, const struct config *config,
                           struct fresh_listeners *fresh);

// Holds the listeners of that configuration, and closes those that it does not name. h->config is
// still the old one, and must be exchanged behind this.
void descriptors_take_fresh(struct descriptors *h, const struct config *config,
                            struct fresh_listeners *fresh);

// Closes what has not been taken.
void descriptors_close_fresh(struct fresh_listeners *fresh);

// The same for the metrics' listener.
int descriptors_renew_metrics(struct descriptors *h);

// Makes the control socket anew when its file is gone. 1: it was, and control must be started again
// to have it. 0: the file is there. -errno, logged.
int descriptors_renew_control_socket(struct descriptors *h);

// Takes the lock of each interface that was made again, or that is there for the first time, in the
// place of the old one, and opens its device's clock. Does not wait; a failure is logged.
void descriptors_renew_interfaces(struct descriptors *h);

// For the next supervisor, once the dataplane has ended: what it knew of the clock's steps.
void descriptors_keep_offset(const struct descriptors *h);

// Closes all, and removes the control socket's file.
void descriptors_close(struct descriptors *h);
