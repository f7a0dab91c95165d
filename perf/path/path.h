// How requests leave and replies come back: over kernel sockets (path_sockets.c) or over a DPDK
// port (path_port.c). Moves the payloads of UDP datagrams in bursts; what stands in them it does
// not know. An endpoint sends a request: an address and a UDP port of ours, numbered from 0. When
// something was sent or came is the caller's to note, unless the plan asks for the kernel's stamps.
//
// A struct path belongs to one thread, which need not be the one that opened it. Room and content
// of what is lent stay as they are until it is sent or released.
#pragma once

#include "base/lane_set.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    PATH_PAYLOAD_MAX = 1472, // an MTU of 1500 without IPv4's and UDP's headers
    PATH_BEHIND = 16,        // octets behind a received payload that may be read, content undefined
    PATH_TAGS_MAX = 2,
    PATH_ENDPOINTS_MAX = 1 << 24, // that a path has
};

// Set in an endpoint's number: an address of the spoofed prefix, whose replies nobody awaits.
#define PATH_SPOOFED UINT32_C(0x80000000)

// An IP prefix; len 32 or 128 is one address.
struct path_prefix {
    int family; // AF_INET, AF_INET6; 0: none given
    uint8_t len;
    uint8_t octets[16];
};

struct path_plan {
    struct sockaddr_storage server; // address and UDP port that requests go to
    const char *device;             // an interface, or a DPDK device "net_...,..."; NULL: sockets
    uint32_t cpu;                   // where the thread that uses the path runs
    struct path_prefix source;      // our addresses; none given: the kernel's choice
    struct path_prefix spoofed;     // those of the flood; none given: no endpoint is spoofed
    uint32_t n_addresses;           // how many of the source's are used; 0: as many as it has
    uint16_t first_port;            // our first UDP port; 0: the path's choice
    uint16_t n_ports;               // how many from there on, 1 or more
    uint16_t tag[PATH_TAGS_MAX];    // VLAN ids, outer first; devices only
    uint8_t n_tags;
    bool stamps;  // the kernel notes when a datagram leaves and comes; sockets only
    bool has_mac; // mac is where requests go to; otherwise it is asked for (ARP, ND, the kernel)
    uint8_t mac[6];
};

// One burst on its way out.
struct path_out {
    uint8_t *payload[LANES];  // room for PATH_PAYLOAD_MAX octets; the caller writes them
    uint16_t len[LANES];      // the caller's
    uint32_t endpoint[LANES]; // the caller's: 0 to n_endpoints - 1, or PATH_SPOOFED | any number
};

// One burst that has come.
struct path_in {
    const uint8_t *payload[LANES];
    uint16_t len[LANES];
    uint32_t endpoint[LANES]; // to which it came
    uint64_t stamp_ns[LANES]; // when: ns since 1970, or 0 for none; only if the plan has stamps
};

// Datagrams that have left, as the kernel saw them go.
struct path_sent {
    const uint8_t *payload[LANES]; // a copy, which lasts until the next call
    uint16_t len[LANES];
    uint64_t stamp_ns[LANES]; // CLOCK_REALTIME, ns since 1970
};

struct path;

// What a path can do. Called through the functions below.
struct path_kind {
    const char *name; // "sockets", or DPDK's driver
    unsigned (*lease)(struct path *path, struct path_out *out, unsigned n);
    unsigned (*send)(struct path *path, struct path_out *out, unsigned from, unsigned n);
    unsigned (*receive)(struct path *path, struct path_in *in);
    void (*release)(struct path *path, struct path_in *in, unsigned n);
    void (*wait)(struct path *path, uint64_t ns);
    unsigned (*sent)(struct path *path, struct path_sent *sent); // NULL: has no stamps
    uint64_t (*missed)(struct path *path);
    void (*close)(struct path *path);
};

// The head of each kind's own structure.
struct path {
    const struct path_kind *kind;
    uint32_t n_endpoints;
    uint64_t refused;           // times that the server's host said that nobody listens (ICMP)
    uint64_t n_spoofed_replies; // came back to spoofed addresses: counted here, never lent
};

// Opens what the plan says. 0 or -errno with one line in why (what is wrong; what to do), and then
// nothing is left behind; but DPDK starts once in a process, so that a second path_port_open is
// refused whatever became of the first.
int path_sockets_open(const struct path_plan *plan, struct path **path, char why[256]);
int path_port_open(const struct path_plan *plan, struct path **path, char why[256]);

// Lends room for n datagrams (up to LANES), 0 .. n-1 of out, and returns for how many there was
// memory. One burst is lent at a time: what of it has not been sent when the next one
// is asked for is lent anew.
static inline unsigned path_lease(struct path *path, struct path_out *out, unsigned n)
{
    return path->kind->lease(path, out, n);
}

// Sends those from `from` on, n of them, in order. How many went; the others are still lent. The
// most goes in one call when neighbours have the same endpoint.
static inline unsigned path_send(struct path *path, struct path_out *out, unsigned from, unsigned n)
{
    return path->kind->send(path, out, from, n);
}

// Takes what has come, up to LANES datagrams from the server; never blocks.
static inline unsigned path_receive(struct path *path, struct path_in *in)
{
    return path->kind->receive(path, in);
}

// Gives back all n that path_receive lent.
static inline void path_release(struct path *path, struct path_in *in, unsigned n)
{
    path->kind->release(path, in, n);
}

// Takes stamps of what has left since the last time, up to LANES of them, in any order; never
// blocks. Only of a path whose plan has stamps. A stamp may be missing: the kernel drops those
// that do not fit a socket's buffer. On the machine's own devices the stamp of a request is there
// before its reply; then all of those that belong to replies received are taken when 0 is returned.
static inline unsigned path_sent(struct path *path, struct path_sent *sent)
{
    return path->kind->sent(path, sent);
}

// Sleeps until something may have come, but no longer than ns. A device does not sleep: it is
// polled.
static inline void path_wait(struct path *path, uint64_t ns)
{
    path->kind->wait(path, ns);
}

// Datagrams that came but were lost on our side of the wire, since the path was opened.
static inline uint64_t path_missed(struct path *path)
{
    return path->kind->missed(path);
}

// Takes NULL.
static inline void path_close(struct path *path)
{
    if (path)
        path->kind->close(path);
}
