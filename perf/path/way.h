// The route from a DPDK port to the server: the source addresses, the destination MAC address and
// the router. For an interface the kernel gives it; otherwise ARP and ND do. Used to open a path;
// one thread.
#pragma once

#include "perf/path/address.h"
#include "perf/path/endpoints.h"
#include "perf/path/path.h"
#include "perf/port/frames.h"

#include <stdbool.h>
#include <stdint.h>

enum { WHY_LEN = 256 };

struct way {
    struct address server;
    uint16_t server_port;
    struct address next;      // the server, or the router on the way to it
    struct endpoints ours;    // n_addresses 0: none
    struct endpoints spoofed; // likewise
    unsigned ifindex;         // 0: a DPDK device that the kernel does not know
    bool answers;             // the path must answer ARP and ND for our addresses
    bool knows_mac;           // next_mac is known before the port is open
    uint8_t next_mac[6];
};

// Finds out what is known before the port is open. 0, or -errno with one line in why.
int way_find(const struct path_plan *plan, struct way *way, char why[WHY_LEN]);

// Finds next_mac by ARP or ND over the open port, if it is not known; mac is the port's. 0, or
// -errno with one line in why.
int way_resolve(const struct path_plan *plan, struct frames_queue *queue, const uint8_t mac[6],
                struct way *way, char why[WHY_LEN]);

// Writes one line to why and returns the fault.
int way_fail(char why[WHY_LEN], int fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
