// A network interface as a port: its XDP program, and an AF_XDP socket for each of its queues.
// Housekeeping's thread.
#pragma once

#include "dataplane/port/xdp/attached.h"
#include "dataplane/port/xdp/interface.h"
#include "dataplane/port/xdp/queue.h"

#include <stdbool.h>
#include <stdint.h>

struct xdp_port {
    struct interface interface;
    struct attached attached;
    bool zero_copy;       // of all its queues
    uint32_t tx_features; // that can be used with its queues, as the kernel announces them
                          // (tx_features.h): some with zero copy, else none
    uint32_t n_queues;
    struct queue **queue;
};

// Attaches one of those n programs (attached_open) and opens all queues that can be served, so that
// none is left unserved. 0 or -errno, logged in one line; then nothing is left open.
int xdp_port_open(struct xdp_port *port, const char *name, const struct xdp_program *programs,
                  unsigned n);

// Detaches the program and closes the sockets. No core uses the queues. Accepts a zeroed one.
void xdp_port_close(struct xdp_port *port);

// How packets come to it: "XDP native, zero copy", "XDP native, copy" or "XDP generic, copy".
const char *xdp_port_mode(const struct xdp_port *port);

// Frames that were lost before any core saw them: what the kernel counts of all queues.
struct socket_counts xdp_port_counts(const struct xdp_port *port);

// Is it what it was when it was opened? NULL, or what has changed.
const char *xdp_port_change(const struct xdp_port *port, const char *name);
