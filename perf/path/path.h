// Sends requests and receives replies: over kernel sockets (path_sockets.c) or over a DPDK port
// (path_port.c). It moves the payloads of UDP datagrams in bursts and does not interpret them. An
// endpoint is a source address and a UDP source port; endpoints are numbered from 0. The caller
// takes the times of sending and receiving, unless the plan requests the kernel's timestamps. A
// struct path belongs to one thread, which need not be the one that opened it. Lent buffers are
// valid until they are sent or released.
#pragma once

#include "base/lane_set.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    PATH_PAYLOAD_MAX = 1472, // an MTU of 1500 without IPv4's and UDP's headers
    PATH_BEHIND =
        16, // octets after a received payload that may be read; their content is undefined
    PATH_TAGS_MAX = 2,
    PATH_ENDPOINTS_MAX = 1 << 24, // of a path
};

// A flag in an endpoint's number: an address of the spoofed prefix; no reply is expected.
#define PATH_SPOOFED UINT32_C(0x80000000)

// An IP prefix; len 32 or 128: one address.
struct path_prefix {
    int family; // AF_INET, AF_INET6; 0: none given
    uint8_t len;
    uint8_t octets[16];
};

struct path_plan {
    struct sockaddr_storage server; // destination address and UDP port of requests
    const char *device;             // an interface, or a DPDK device "net_...,..."; NULL: sockets
    uint32_t cpu;                   // the CPU of the thread that uses the path
    struct path_prefix source;      // source addresses; none given: the kernel's choice
    struct path_prefix spoofed; // source addresses of the flood; none given: no endpoint is spoofed
    uint32_t n_addresses;       // number of addresses used of the source; 0: all
    uint16_t first_port;        // first UDP source port; 0: the path's choice
    uint16_t n_ports;           // number of ports from there on, 1 or more
    uint16_t tag[PATH_TAGS_MAX]; // VLAN ids, outer first; devices only
    uint8_t n_tags;
    bool stamps;  // timestamps of the kernel for each datagram; sockets only
    bool has_mac; // mac is the destination of requests; otherwise it is resolved (ARP, ND, the
                  // kernel)
    uint8_t mac[6];
};

// One burst to send.
struct path_out {
    uint8_t *payload[LANES];  // room for PATH_PAYLOAD_MAX octets; the caller writes them
    uint16_t len[LANES];      // set by the caller
    uint32_t endpoint[LANES]; // set by the caller: 0 to n_endpoints - 1, or PATH_SPOOFED | number
};

// One received burst.
struct path_in {
    const uint8_t *payload[LANES];
    uint16_t len[LANES];
    uint32_t endpoint[LANES]; // the endpoint that received it
    uint64_t stamp_ns[LANES]; // time of arrival: ns since 1970, or 0 if unknown; only if the plan
                              // has stamps
};

// Datagrams that have left, with the kernel's timestamps.
struct path_sent {
    const uint8_t *payload[LANES]; // a copy, valid until the next call
    uint16_t len[LANES];
    uint64_t stamp_ns[LANES]; // CLOCK_REALTIME, ns since 1970
};

struct path;

// The operations of a path. Called through the functions below.
struct path_kind {
    const char *name; // "sockets", or DPDK's driver
    unsigned (*lease)(struct path *path, struct path_out *out, unsigned n);
    unsigned (*send)(struct path *path, struct path_out *out, unsigned from, unsigned n);
    unsigned (*receive)(struct path *path, struct path_in *in);
    void (*release)(struct path *path, struct path_in *in, unsigned n);
    void (*wait)(struct path *path, uint64_t ns);
    unsigned (*sent)(struct path *path, struct path_sent *sent); // NULL: the path has no stamps
    uint64_t (*missed)(struct path *path);
    void (*close)(struct path *path);
};

// The first member of each kind's structure.
struct path {
    const struct path_kind *kind;
    uint32_t n_endpoints;
    uint64_t refused;           // ICMP port unreachable messages from the server's host
    uint64_t n_spoofed_replies; // replies to spoofed addresses: counted here, never lent
};

// Opens a path by its plan. 0, or -errno with one line in why (what is wrong; what to do), and then
// nothing remains open. Exception: DPDK starts only once in a process, so a second path_port_open
// fails even if the first one failed.
int path_sockets_open(const struct path_plan *plan, struct path **path, char why[256]);
int path_port_open(const struct path_plan *plan, struct path **path, char why[256]);

// Lends buffers for n datagrams (up to LANES), 0 .. n-1 of out, and returns for how many there was
// memory. One burst is lent at a time: buffers that have not been sent are lent again by the next
// call.
static inline unsigned path_lease(struct path *path, struct path_out *out, unsigned n)
{
    return path->kind->lease(path, out, n);
}

// Sends n datagrams from index `from` on, in order, and returns how many were sent; the others are
// still lent. Neighbours with the same endpoint are sent in one system call.
static inline unsigned path_send(struct path *path, struct path_out *out, unsigned from, unsigned n)
{
    return path->kind->send(path, out, from, n);
}

// Receives up to LANES datagrams from the server; never blocks.
static inline unsigned path_receive(struct path *path, struct path_in *in)
{
    return path->kind->receive(path, in);
}

// Gives back all n datagrams that path_receive lent.
static inline void path_release(struct path *path, struct path_in *in, unsigned n)
{
    path->kind->release(path, in, n);
}

// Takes up to LANES new stamps of datagrams that have left, in any order; never blocks. Only for a
// path whose plan has stamps. A stamp may be missing: the kernel drops those that do not fit into a
// socket's buffer. On devices within the machine the stamp of a request is there before its reply,
// so when 0 is returned, the stamps for all received replies have been taken.
static inline unsigned path_sent(struct path *path, struct path_sent *sent)
{
    return path->kind->sent(path, sent);
}

// Sleeps until a datagram may have come, at most ns. Does nothing for a device, which is polled.
static inline void path_wait(struct path *path, uint64_t ns)
{
    path->kind->wait(path, ns);
}

// Received datagrams that were lost on the tester's side since the path was opened.
static inline uint64_t path_missed(struct path *path)
{
    return path->kind->missed(path);
}

// Accepts NULL.
static inline void path_close(struct path *path)
{
    if (path)
        path->kind->close(path);
}
