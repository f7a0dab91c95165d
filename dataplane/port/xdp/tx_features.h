// What an interface's driver can do for frames that are sent by AF_XDP, as the kernel announces it
// (generic netlink, family "netdev", since Linux 6.8). What it announces is not yet known to work:
// the device may be set otherwise, or its stamps be of another clock. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// The kernel's NETDEV_XSK_FLAGS_*.
enum {
    TX_FEATURE_STAMP = 1 << 0,    // it tells when a frame left
    TX_FEATURE_CHECKSUM = 1 << 1, // it writes checksums: not used
    TX_FEATURE_LAUNCH = 1 << 2,   // it lets a frame go at a time of the device's clock
};

// The features of that interface for sockets with or without zero copy; 0 where the kernel knows no
// such family or tells no features. Of a frame that the kernel copies it tells when it has freed
// it, which is later than the departure, so that there are none without zero copy. The tests link
// another one in place of tx_features.c.
uint32_t tx_features_read(unsigned ifindex, bool zero_copy);
