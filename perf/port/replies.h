// Shared by the tester's XDP program and the user space that sets its rule. The BPF program
// includes it, so it has constants and plain types only. Addresses are numbers in host byte order.
// IPv6: high has the first 64 bits, low the others. IPv4: high is 0.
#pragma once

#include <linux/types.h>

// At most 15 characters each, because the kernel truncates longer names and we find the maps by
// name.
#define REPLIES_PROGRAM_NAME "noonmark_reply"
#define REPLIES_RULE_NAME "replies_rule"

struct replies_range {
    __u64 high;
    __u64 first; // low
    __u64 n;     // 0: no address
};

// The rule that selects packets for the tester; all zero, as loaded: none.
struct replies_rule {
    struct replies_range server; // one address
    struct replies_range source; // ours
    struct replies_range spoofed;
    __u16 server_port;
    __u16 first_port; // of ours
    __u16 n_ports;
    __u8 version; // 4 or 6
    __u8 answers; // 1: also ARP and ND for the source, because the kernel lacks its addresses
};
