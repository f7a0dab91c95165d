// What the XDP program and the user space that fills its maps must agree on. Included by the BPF
// program too: constants and plain types only.
#pragma once

// At most 15 characters each: the kernel cuts longer names, and we look the maps up by them.
#define STEER_PROGRAM_NAME "noonmark_steer"
#define STEER_SOCKETS_NAME "xsks_map" // the name that DPDK's driver asks for
#define STEER_PORT_NAME "steer_port"
#define STEER_V4_NAME "steer_v4"
#define STEER_V6_NAME "steer_v6"

enum {
    STEER_QUEUES_MAX = 256,
    STEER_ADDRESSES_MAX = 1024, // of each family
};
