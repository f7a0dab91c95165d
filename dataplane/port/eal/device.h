// One DPDK device with its queues, from probing to closing. Housekeeping's thread.
#pragma once

#include "config/config.h"
#include "dataplane/port/eal/ethdev.h"
#include "dataplane/port/xdp/interface.h"
#include "dataplane/port/xdp/xdp.h"

enum { DEVICE_NAME_LEN = 64 };

// What a device is opened as. The texts and addresses are the caller's and outlive the device.
struct device_plan {
    enum config_port_kind kind;
    const char *device; // interface name, or vdev string
    uint32_t
        n_queues; // at most; all queues of an interface are opened, so that none is left unserved
    struct xdp_program program;          // PORT_INTERFACE
    const struct address_set *addresses; // what port_addresses says of its queues
};

struct device {
    struct device_plan plan;
    char name[DEVICE_NAME_LEN]; // DPDK's
    uint16_t id;                // likewise
    bool probed;
    bool started;

    uint32_t n_queues;
    struct ethdev **queue;

    // PORT_INTERFACE only.
    struct interface interface;
};

// Makes the device and starts it; an interface's program is attached to it. 0 or -errno, logged in
// one line. The caller calls device_close in either case.
int device_open(struct device *device, const struct device_plan *plan);

// The number of queues that device_open will need memory for.
uint32_t device_queues_wanted(const struct device_plan *plan);

// Stops and closes what was opened of it. False when the device was left open, because closing it
// would detach another process's XDP program.
bool device_close(struct device *device);

// Frames lost before any core saw them.
uint64_t device_missed(const struct device *device);
bool device_link_up(const struct device *device);
const char *device_driver(const struct device *device);
void device_mac(const struct device *device, uint8_t mac[6]);
