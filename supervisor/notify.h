// What the service manager is told (sd_notify(3)): states, and that the supervisor's loop turns.
// Own code instead of libsystemd: it is one datagram to NOTIFY_SOCKET, which has been documented as
// stable, and a library with its own dependencies would stand in the process that is root. Never
// blocks. Without NOTIFY_SOCKET it does nothing. Single-threaded.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { NOTIFY_KEEP_MAX = 64 }; // descriptors of one name

enum notify_state { NOTIFY_STARTING, NOTIFY_SERVING, NOTIFY_RELOADING, NOTIFY_STOPPING };

struct notify {
    struct sockaddr_un address;
    socklen_t len;           // of the address; 0: there is no service manager
    enum notify_state told;  // what the manager knows
    uint64_t watchdog_ms;    // between two signs of life; 0: none are wanted
    uint64_t watchdog_at_ms; // when the next one is due
};

// Takes the manager's variables out of the environment, so that no child, hook or later process
// speaks in this process's name. Call it before there are threads. An address that cannot be used
// is logged, and the server runs without.
void notify_open(struct notify *n);

// Has the manager keep copies of n sockets under that name, in place of those that it has under it
// (FDSTORE=1). False: they could not be sent now. True without a manager, and with one that keeps
// nothing.
bool notify_keep(const struct notify *n, const char *name, const int *fd, uint32_t n_fds);

// Tells the state once it has changed, and gives the sign of life when that is due. What the
// manager cannot take at the moment is sent at a later call: call it several times a second.
void notify_tick(struct notify *n, enum notify_state state, uint64_t now_ms);
