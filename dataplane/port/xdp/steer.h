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

// The stamp that the program writes directly in front of a frame for the server.
struct steer_stamp {
    __u64 monotonic_ns; // CLOCK_MONOTONIC when the program saw the frame
    __u64 magic;        // STEER_STAMP_MAGIC: there is a stamp
};
#define STEER_STAMP_MAGIC 0x6e6f6f6e6d61726bULL

enum {
    STEER_QUEUES_MAX = 256,
    STEER_ADDRESSES_MAX = 1024, // of each family
};
