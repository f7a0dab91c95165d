// What the XDP program and the code that fills its maps must agree on. The BPF program includes
// this too: constants and plain types only.
#pragma once

#include <linux/types.h>

// At most 15 characters each: the kernel cuts longer names, and the maps are found by their names.
#define STEER_PROGRAM_NAME "noonmark_steer"
#define STEER_SOCKETS_NAME "xsks_map" // the name that DPDK's driver looks for
#define STEER_PORT_NAME "steer_port"
#define STEER_V4_NAME "steer_v4"
#define STEER_V6_NAME "steer_v6"

// The value of steer_port. As loaded it is all zero, and nothing is steered.
struct steer_port {
    __be16 udp;
    __be16 nts;  // a second port; 0: none
    __u8 mac[6]; // of the interface: frames to another one are not for this host
};

// The values of steer_v4 and steer_v6. No frame that comes from such an address is steered.
enum steer_address {
    STEER_OURS = 1,
    STEER_OURS_TAGGED = 2, // it stands on VLAN interfaces only: a frame to it must have a tag
    STEER_NOT_SERVED = 3,  // the broadcast address of a local subnet, or one of this host's that
                           // the configuration leaves out
};

// The stamps that the program writes directly in front of a frame for the server.
struct steer_stamp {
    __u64 own_ns;       // the device's own clock when the frame arrived; 0: the device told none
    __u64 monotonic_ns; // CLOCK_MONOTONIC when the program saw the frame
    __u64 magic;        // STEER_STAMP_MAGIC: there are stamps
};
#define STEER_STAMP_MAGIC 0x6e6f6f6e6d61726bULL

enum {
    STEER_QUEUES_MAX = 256,
    STEER_ADDRESSES_MAX = 1024,             // of each family
    STEER_V4_MAX = 2 * STEER_ADDRESSES_MAX, // with the broadcast addresses of their subnets
};
