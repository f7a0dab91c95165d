// What the XDP program and the user space that fills its maps must agree on. Included by the BPF
// program too: constants and plain types only.
#pragma once

#include <linux/types.h>

// At most 15 characters each: the kernel cuts longer names, and we look the maps up by them.
#define STEER_PROGRAM_NAME "noonmark_steer"
#define STEER_SOCKETS_NAME "xsks_map" // the name that DPDK's driver asks for
#define STEER_PORT_NAME "steer_port"
#define STEER_V4_NAME "steer_v4"
#define STEER_V6_NAME "steer_v6"

// What the program writes right in front of a frame that it hands to the server.
struct steer_stamp {
    __u64 monotonic_ns; // CLOCK_MONOTONIC as the program saw the frame
    __u64 magic;        // STEER_STAMP_MAGIC: there is a stamp
};
#define STEER_STAMP_MAGIC 0x6e6f6f6e6d61726bULL

enum {
    STEER_QUEUES_MAX = 256,
    STEER_ADDRESSES_MAX = 1024, // of each family
};
