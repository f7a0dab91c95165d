// Private to this folder: one DPDK device with its queues, from probing to closing. Housekeeping's
// thread.
#pragma once

#include "config/config.h"
#include "dataplane/port/eal/ethdev.h"
#include "dataplane/port/use.h"
#include "dataplane/port/xdp/interface.h"
#include "dataplane/port/xdp/xdp.h"

enum { DEVICE_NAME_LEN = 64 };

struct device {
    const struct config_port *config;
    enum port_use use;
    char name[DEVICE_NAME_LEN]; // DPDK's
    uint16_t id;                // likewise
    bool probed;
    bool started;

    uint32_t n_queues;
    struct port **queue;
    uint64_t starved; // as device_starved last saw it

    // PORT_INTERFACE only.
    struct interface interface;
    struct xdp_maps maps; // those of the use
    int owner;            // xdp_owner_claim's descriptor, or -1

    struct address_set addresses; // PORT_VDEV only
};

// Makes the device of a configured port with at most n_cores queues (an interface: all that it has,
// so that none is left unserved) and starts it. 0 or -errno, logged in one line. Afterwards
// device_close in either case.
int device_open(struct device *device, const struct config_port *config, enum port_use use,
                uint32_t n_cores);

// How many queues device_open will need memory for.
uint32_t device_queues_wanted(const struct config_port *config, uint32_t n_cores);

// Stops and closes what is there of it. False when it was left open, because closing would detach
// somebody else's XDP program.
bool device_close(struct device *device);

// Has a queue been out of buffers since the last call?
bool device_starved(struct device *device);

// Frames with and without a stamp of their arrival, of a device whose frames are to bear one: see
// device_stamps.
struct device_stamps {
    uint64_t stamped;
    uint64_t unstamped;
};
struct device_stamps device_stamps(const struct device *device);

// Are its frames to bear a stamp?
bool device_is_to_stamp(const struct device *device);

// Frames lost before any core saw them.
uint64_t device_missed(const struct device *device);
bool device_link_up(const struct device *device);
const char *device_driver(const struct device *device);
void device_mac(const struct device *device, uint8_t mac[6]);
