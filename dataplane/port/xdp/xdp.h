// An XDP program from the outside: its object, its maps once it is attached to an interface, and
// the removal of one that a crash left. What the program does stands in its own header.
// Housekeeping's thread, and the sweep.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The prefix of the names of this project's programs.
#define XDP_NAMES "noonmark_"

// A program as the build embedded it.
struct xdp_program {
    const char *name; // in the kernel: begins with XDP_NAMES, at most 15 characters
    const unsigned char *object;
    const size_t *len; // octets of object
    bool stamps;       // it writes a struct steer_stamp in front of each frame for the server
    bool for_device; // it asks the driver of the frame (Linux 6.3), and is loaded for one interface
};

// The object as a sealed memfd; DPDK's driver gets it as /proc/self/fd/N and loads it. The caller
// closes it once the device has started. Returns the descriptor or -errno.
int xdp_object_open(const struct xdp_program *program);

// Is no program attached to the interface but one that this process has loaded? Only then may
// DPDK's driver close its device, because it detaches any program that is there.
bool xdp_is_ours(unsigned ifindex);

// The id of the program that is attached to the interface; 0: none. Needs no right. 0 or -errno.
int xdp_program_id(unsigned ifindex, uint32_t *id);

// Has the kernel cut an AF_XDP socket of this process off from its interface? It does so when the
// interface is removed or goes to another network namespace. True once for each.
bool xdp_socket_cut_off(void);

// Finds maps of the program that this process has loaded and attached: name[i]'s descriptor becomes
// map[i]. It looks among our own descriptors, because looking a map up by its id would need
// CAP_SYS_ADMIN. The descriptors stay the loader's; nobody else closes them. 0 or -errno
// (-ENOENT: there is no such program or map), and then map is as it was.
enum { XDP_MAPS_MAX = 8 }; // of one program
int xdp_maps_find(unsigned ifindex, const char *const *name, unsigned n, int *map);

// "XDP native", "XDP generic", "XDP offloaded", or "" when nothing is attached.
const char *xdp_mode(unsigned ifindex);

// Detaches the program on the interface if its name begins with `name` (XDP_NAMES: any of this
// project's), after a crash left it. The caller holds the lock of the interface
// (link/interface_lock.h). That does not bind an owner that has another /run, so a program with a
// living socket stays. 0 also when there is none. -errno, logged in one line, when another program
// or a living owner is in the way. Needs CAP_SYS_ADMIN and CAP_NET_RAW.
//
// `left` says what the caller knows to be left by its own crashed run: that is detached without
// being looked at when CAP_SYS_ADMIN is missing. On a failure it becomes what is in the way; NULL:
// nothing is known.
struct xdp_left {
    unsigned ifindex;
    uint32_t program; // its id; 0: none
};
int xdp_sweep(const char *interface, const char *name, struct xdp_left *left);
