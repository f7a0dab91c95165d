// One DPDK device with its queues, from probing to closing. Housekeeping's thread.
#pragma once

#include "dataplane/port/eal/dpdk_clock.h"
#include "dataplane/port/eal/ethdev.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_NAME_LEN = 64 };

// What a device is opened as. The text and the addresses are the caller's and outlive the device.
struct device_plan {
    const char *device;                  // vdev string
    uint32_t n_queues;                   // at most
    const struct address_set *addresses; // what port_addresses says of its queues
    bool
        stamps; // let it stamp frames, where its driver can: it may set the device's clock for that
    bool launch; // likewise, send frames at their time
};

struct device {
    struct device_plan plan;
    char name[DEVICE_NAME_LEN]; // DPDK's
    uint16_t id;                // likewise
    bool probed;
    bool started;

    uint32_t n_queues;
    struct ethdev **queue;

    bool has_clock; // it stamps frames
    struct dpdk_clock clock;
};

// Makes the device and starts it; its clock refers to *device, which must not be moved. 0 or
// -errno, logged in one line. The caller calls device_close in either case.
int device_open(struct device *device, const struct device_plan *plan);

// Stops and closes what was opened of it.
void device_close(struct device *device);

// Frames lost before any core saw them.
uint64_t device_missed(const struct device *device);

// Frames that came to its queues.
uint64_t device_received(const struct device *device);
bool device_link_up(const struct device *device);
const char *device_driver(const struct device *device);
void device_mac(const struct device *device, uint8_t mac[6]);
