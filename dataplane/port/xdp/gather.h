// What the asking side's XDP program and the user space that tells it what is ours must agree on.
// Included by the BPF program too: constants and plain types only.
//
// Addresses are numbers in the machine's own order: IPv6's first 64 bits are high and the others
// low; of IPv4 high is 0.
#pragma once

#include <linux/types.h>

// At most 15 characters each: the kernel cuts longer names, and we look the maps up by them.
#define GATHER_PROGRAM_NAME "noonmark_gather"
#define GATHER_RULE_NAME "gather_rule"

struct gather_range {
    __u64 high;
    __u64 first; // low
    __u64 n;     // 0: no address
};

// What is taken from the kernel; all zero, as loaded: nothing.
struct gather_rule {
    struct gather_range server; // one address
    struct gather_range source; // ours
    struct gather_range spoofed;
    __u16 server_port;
    __u16 first_port; // of ours
    __u16 n_ports;
    __u8 version; // 4 or 6
    __u8 answers; // 1: ARP and ND for the source are ours too, since the kernel lacks its addresses
};
