// What a kind of port provides, and what the ports of all kinds have. eal/ and xdp/ each have a
// structure for one queue that begins with a struct port; port.c calls through it.
#pragma once

#include "dataplane/port/port.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct exact;
struct snapshot;

// The functions of port.h, of one kind of port. They do not look at burst->exact.
struct port_calls {
    lane_set (*rx)(struct port *port, struct burst *burst);
    lane_set (*tx)(struct port *port, struct burst *burst, lane_set answer);
    void (*drop)(struct port *port, struct burst *burst, lane_set drop);
    int (*sampled)(struct port *port, uint64_t *own); // NULL: it never sets burst->sampled

    // The way that tells when frames left, of a port with `tells`; NULL: it has none. For how many
    // more frames there is room; sends a lane's reply, and takes back its request's frame; and as
    // port_departures. False: the kernel does not take it, and both are still lent.
    unsigned (*room)(const struct port *port);
    bool (*send)(struct port *port, struct burst *burst, unsigned lane);
    unsigned (*departures)(struct port *port, struct port_departure *out, unsigned most);
};

struct port {
    _Alignas(64) const struct port_calls *calls;
    const struct address_set *addresses; // NULL: the XDP program has already checked the address
    int descriptor;                      // see port_descriptor
    struct exact *exact; // the way that tells departures (exact.h), whoever opened it closes it;
                         // NULL: there is none

    // Departures are told in the port's own way (struct port_calls), and not by `exact`. Set before
    // a core runs; the core takes it back when the device's stamps are never believed. Reader:
    // housekeeping.
    atomic_bool tells;
    uint32_t doubted; // stamps of departures in a row that were not believed

    bool launches;               // see port_launches
    _Atomic uint32_t launch;     // enum port_launch. Writer: the core, once it runs. Reader:
                                 // housekeeping
    bool smears;                 // see port_smears
    const struct snapshot *line; // see port_line; NULL while the port is not on the board
    bool clock; // the device's own stamps are to be lent, because its clock is read

    // Turns in which there was no buffer for a reply. Writer: the core, relaxed. Reader:
    // housekeeping.
    _Atomic uint64_t starved;

    // Frames with and without a stamp, on a port that stamps. Writer: the core, relaxed. Reader:
    // housekeeping.
    _Atomic uint64_t stamped;
    _Atomic uint64_t unstamped;

    // Frames with a stamp of the device's own, and those of them that were believed; on a port
    // whose clock is read. Likewise.
    _Atomic uint64_t hardware;
    _Atomic uint64_t believed;
};
