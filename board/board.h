// The board: six memfds, each with one writer, through which the children exchange their data.
// The supervisor makes it; each child maps its own sides writable, and read-only those of the other
// sides that it must read.
//
//   control side     keyring, ntp state, heartbeat    written by control; read by ke, dataplane
//   facts            clock, its health, keys' ages    written by control; read by metrics
//   dataplane side   counters, ports, heartbeats      written by the dataplane; read by control,
//   metrics ke side          counters, certificates' dates    written by ke; read by control,
//   metrics metrics side     counters, heartbeat              written by metrics; read by control
//   etcd side        etcd_side.h                      written by etcd; read by control, metrics
//
// All outlive a child that dies, so a restarted child finds the data that its predecessor
// published.
#pragma once

#include "base/bounds.h"
#include "board/counters.h"
#include "board/etcd_side.h"
#include "board/facts.h"
#include "board/ke_counters.h"
#include "board/key_counters.h"
#include "board/key_hints.h"
#include "board/keyring.h"
#include "board/limited.h"
#include "board/ntp_state.h"
#include "board/snapshot.h"
#include "board/stamp_line.h"
#include "board/wall_offset.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum board_side {
    BOARD_CONTROL,
    BOARD_DATAPLANE,
    BOARD_KE,
    BOARD_FACTS,
    BOARD_METRICS,
    BOARD_ETCD,
    BOARD_SIDES,
};

enum {
    BOARD_VERSION = 6,
    BOARD_NAME_LEN = 64,
    BOARD_ADDRESSES = 31, // of a port that are shown
    BOARD_PAGE = 4096,    // mapped lengths are a multiple of it
};

struct board_control {
    _Atomic uint64_t version;   // set to BOARD_VERSION once control is ready
    _Atomic uint64_t heartbeat; // monotonic ns of the last turn of control's main loop
    _Atomic uint64_t starts;    // of control, this one included
    _Atomic uint64_t log_lost;  // lines of log that it lost
    struct snapshot ntp_state;  // struct ntp_state
    uint8_t without_keys[BOARD_PAGE - 64 - sizeof(struct snapshot)];
    struct snapshot keyring;   // the pages from here on contain keys
    struct snapshot key_hints; // struct key_hints_record
};
static_assert(offsetof(struct board_control, keyring) == BOARD_PAGE,
              "the keys begin on a page of their own");

// Control's other side, without secrets. It begins as struct board_control does, so that the rows
// of METRIC_CONTROL read both.
struct board_facts {
    _Atomic uint64_t version; // set to BOARD_VERSION once all is filled in
    _Atomic uint64_t heartbeat;
    _Atomic uint64_t starts;
    _Atomic uint64_t log_lost;
    struct snapshot ntp_state; // struct ntp_state, as control publishes it
    struct snapshot facts;     // struct control_facts
};
static_assert(offsetof(struct board_facts, heartbeat) ==
                      offsetof(struct board_control, heartbeat) &&
                  offsetof(struct board_facts, starts) == offsetof(struct board_control, starts) &&
                  offsetof(struct board_facts, log_lost) ==
                      offsetof(struct board_control, log_lost),
              "both begin alike");

// What became of a port. A dataplane that is started again leaves out a port that it cannot open,
// and is started anew when it can.
enum board_port_state {
    BOARD_PORT_CLOSED, // not opened yet, or no more
    BOARD_PORT_OPEN,
    BOARD_PORT_MISSING, // there is no interface of its name
    BOARD_PORT_BLOCKED, // a program that may not be removed is attached to it, or cannot be looked
                        // at
    BOARD_PORT_STATES
};

// Whether its device lets replies go at a time, of the queue that is farthest from it.
enum board_launch {
    BOARD_LAUNCH_NONE,    // it cannot, or is not to
    BOARD_LAUNCH_TRIED,   // it is being tried
    BOARD_LAUNCH_USED,    // it does
    BOARD_LAUNCH_REFUSED, // it has let replies go too early, or at no time at all
    BOARD_LAUNCHES
};

// The addresses at which a port is served: how many, and the first of them. IPv4 as ::ffff:0:0/96.
struct board_addresses {
    uint64_t n;
    uint8_t address[BOARD_ADDRESSES][16];
};
static_assert(sizeof(struct board_addresses) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");

// What a port is, for status. Written by the dataplane when the port comes up, the atomic ones
// later too.
struct board_port {
    struct snapshot own_clock;   // struct stamp_line, of the device's own clock
    struct snapshot addresses;   // struct board_addresses
    char name[BOARD_NAME_LEN];   // as the configuration names it
    char driver[BOARD_NAME_LEN]; // the kernel's ("veth", "ice") or DPDK's ("net_memif"); "kernel
                                 // socket"
    char mode[BOARD_NAME_LEN];   // "XDP native, zero copy", "XDP generic, copy", ...; "" elsewhere
    char stamps[BOARD_NAME_LEN]; // the source of arrival times: "XDP program", "kernel" or "poll"
    char clock[BOARD_NAME_LEN];  // the device's own, which stamps frames: "/dev/ptp0"; "": none
    char departures[BOARD_NAME_LEN]; // what interleaved mode can tell: "device", "kernel" or
                                     // "predicted"; but see by_metadata
    _Atomic uint32_t link_up;
    _Atomic uint32_t state;   // enum board_port_state
    _Atomic uint32_t program; // id of the XDP program: ours on an open port, that in the way on a
                              // blocked one, 0: none
    _Atomic uint32_t not_steered; // local addresses that its XDP program has no room for
    _Atomic uint32_t by_metadata; // 1: departures are told by the metadata of AF_XDP frames
    _Atomic uint32_t launch;      // enum board_launch
    uint32_t queues;
    uint32_t smears; // 1: leap seconds, as dataplane.ports[].leap says
    uint8_t mac[6];
    uint8_t spare[2];
    _Atomic uint64_t rx_missed;    // frames that the driver counts as lost before any core saw them
    _Atomic uint64_t rx_ring_full; // of these: an AF_XDP socket's receive ring was full
    _Atomic uint64_t fill_ring_empty; // how often an AF_XDP socket had no empty buffer
    _Atomic uint64_t stamped;         // frames with a stamp of their arrival
    _Atomic uint64_t unstamped;       // frames without one, on a port that stamps
    _Atomic uint64_t hardware;        // frames with a stamp of the device's own clock
    _Atomic uint64_t believed;        // of these: whose arrival it told
    _Atomic uint64_t received;        // frames that came to its queues
    _Atomic uint64_t invalid;         // buffers of an AF_XDP socket that the kernel found invalid
};

struct board_dataplane {
    _Atomic uint64_t version;   // set to BOARD_VERSION once the ports are up and the cores run
    _Atomic uint64_t heartbeat; // monotonic ns of the last turn of housekeeping
    _Atomic uint64_t starts;    // of the dataplane, this one included
    _Atomic uint64_t log_lost;  // lines of log that it lost
    _Atomic uint32_t n_cores;
    _Atomic uint32_t n_ports;
    char crypto[BOARD_NAME_LEN]; // the variant in use
    char memory[BOARD_NAME_LEN]; // "hugepages" or "4 KiB pages"
    uint32_t core_id[CORES_MAX]; // CPU of each core
    struct snapshot stamps;      // struct stamp_line, of the frames' stamps
    struct snapshot
        ntp_state; // struct ntp_state as the cores serve it: control's state after the check
    struct snapshot ntp_state_smeared; // likewise, as cores of ports that smear leap seconds do
    _Atomic uint32_t clock_doubted;   // 1: control's clock is wrong, so that it is served as leap 3
    uint32_t guard_seen[GUARDS_MAX];  // count of each guard socket when it was last added
    _Atomic uint64_t guard_discarded; // datagrams, all together; not reset by a restart
    _Atomic uint64_t kernel_path_stale; // requests that had waited too long; not reset likewise
    _Atomic uint64_t clients_minute;    // different sources in the last whole minute
    _Atomic uint64_t clients_hour;      // likewise, in the last 60 of them
    struct wall_offset wall_offset;     // the kernel path's thread alone reads and writes it
    struct board_port port[PORTS_MAX];
    struct limited_sources kernel_path_limited; // as limited[]
    struct limited_sources limited[CORES_MAX];  // whom each core's limits refuse
    struct core_counters kernel_path;     // of the thread that answers what the kernel delivers
    struct core_counters core[CORES_MAX]; // not reset by a restart: counters only rise
    struct key_counters kernel_path_keys; // likewise
    struct key_counters core_keys[CORES_MAX];
};

// A certificate that is served.
struct board_certificate {
    int64_t expires_s;            // Unix time at which the first certificate of its chain expires
    char chain[BOARD_NAME_LEN];   // the end of its file's path, with its NUL
    char subject[BOARD_NAME_LEN]; // its common name, else its first DNS name
    char key[BOARD_NAME_LEN];     // type and size of its key: "EC, 256 bits"
};
static_assert(sizeof(struct board_certificate) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");

struct board_ke {
    _Atomic uint64_t version;    // set to BOARD_VERSION once ke is ready
    _Atomic uint64_t heartbeat;  // monotonic ns of the last turn of ke's main loop
    _Atomic uint64_t starts;     // of ke, this one included
    _Atomic uint64_t log_lost;   // lines of log that it lost
    struct ke_counters counters; // not reset by a restart: counters only rise
    _Atomic uint32_t n_certificates;
    struct snapshot certificate[CERTIFICATES_MAX]; // struct board_certificate
    struct key_counters keys;                      // not reset by a restart likewise
};

// How the metrics' process answered.
enum metrics_counter {
    METRICS_SCRAPES, // /metrics
    METRICS_PAGES,   // /
    METRICS_REFUSED, // another path, method or a request with a body
    METRICS_CUT,     // connections that had no whole request and answer at their deadline
    METRICS_COUNTER_COUNT,
};

struct board_metrics {
    _Atomic uint64_t version;   // set to BOARD_VERSION once the process is ready
    _Atomic uint64_t heartbeat; // monotonic ns of the last turn of its loop
    _Atomic uint64_t starts;    // of it, this one included
    _Atomic uint64_t log_lost;  // lines of log that it lost
    _Atomic uint64_t n[METRICS_COUNTER_COUNT];
};

// Makes the memfds: mode 0600, size sealed, all zero. Supervisor only. 0 or -errno; the caller owns
// the descriptors.
int board_create(int fd[BOARD_SIDES]);

// Opens a second, read-only descriptor of a memfd: for its readers. 0 or -errno.
int board_reopen_read_only(int fd, int *read_only_fd);

// Maps one side, locked and kept out of core dumps where the system allows. writable must agree
// with the mode of fd. The size of the memfd is checked. 0 or -errno; freed with board_unmap_*.
int board_map_control(int fd, bool writable, struct board_control **board);
int board_map_dataplane(int fd, bool writable, struct board_dataplane **board);
int board_map_ke(int fd, bool writable, struct board_ke **board);
int board_map_facts(int fd, bool writable, struct board_facts **board);
int board_map_metrics(int fd, bool writable, struct board_metrics **board);
int board_map_etcd(int fd, bool writable, struct board_etcd **board);

// Maps only the part before the keyring, read-only: for the supervisor, which must not see keys.
// Freed with board_unmap_control_head.
int board_map_control_head(int fd, const struct board_control **board);

// All of them accept NULL.
void board_unmap_control(struct board_control *board);
void board_unmap_control_head(const struct board_control *board);
void board_unmap_dataplane(struct board_dataplane *board);
void board_unmap_ke(struct board_ke *board);
void board_unmap_facts(struct board_facts *board);
void board_unmap_metrics(struct board_metrics *board);
void board_unmap_etcd(struct board_etcd *board);

// How many cookies the key with that id has opened and sealed, all processes together, since this
// server started or the key was made.
struct key_count board_key_count(const struct board_dataplane *dataplane, const struct board_ke *ke,
                                 uint32_t id);

// Has the dataplane run up to here?
bool board_dataplane_runs(const struct board_dataplane *board);

// The clock as it is served: control's state, or leap 3 and stratum 0 where nothing better is known
// or the dataplane doubts it. True: the dataplane does not doubt it.
bool board_clock(const struct snapshot *state, const struct board_dataplane *dataplane,
                 struct ntp_state *clock);
