// What the tester's XDP program and the user space that tells it which replies are ours must agree
// on. Included by the BPF program too: constants and plain types only.
//
// Addresses are numbers in the machine's own order: IPv6's first 64 bits are high and the others
// low; of IPv4 high is 0.
#pragma once

#include <linux/types.h>

// At most 15 characters each: the kernel cuts longer names, and we look the maps up by them.
#define REPLIES_PROGRAM_NAME "noonmark_reply"
#define REPLIES_RULE_NAME "replies_rule"

struct replies_range {
    __u64 high;
    __u64 first; // low
    __u64 n;     // 0: no address
};

// What is taken from the kernel; all zero, as loaded: nothing.
struct replies_rule {
    struct replies_range server; // one address
    struct replies_range source; // ours
    struct replies_range spoofed;
    __u16 server_port;
    __u16 first_port; // of ours
    __u16 n_ports;
    __u8 version; // 4 or 6
    __u8 answers; // 1: ARP and ND for the source are ours too, since the kernel lacks its addresses
};
