// An XDP program from the outside: its object, its maps once it is attached to an interface, and
// the removal of a program that a crash left. The program's own header says what it does.
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
    size_t len;
    bool stamps; // it writes a struct steer_stamp in front of each frame for the server
};

// The object as a sealed memfd; DPDK's driver gets it as /proc/self/fd/N and loads it. The caller
// closes it once the device has started. Returns the descriptor or -errno.
int xdp_object_open(const struct xdp_program *program);

// Is no program attached to the interface but one that this process has loaded? Only then may
// DPDK's driver close its device, because it detaches any program that is there.
bool xdp_is_ours(unsigned ifindex);

// Finds maps of the program that this process has loaded and attached: map[i] becomes the
// descriptor of name[i]. It searches our own descriptors, because opening a map by its id would
// need CAP_SYS_ADMIN. DPDK's driver owns the descriptors; the caller does not close them. 0 or
// -errno (-ENOENT: there is no such program or map), and then map is unchanged.
enum { XDP_MAPS_MAX = 8 }; // of one program
int xdp_maps_find(unsigned ifindex, const char *const *name, unsigned n, int *map);

// "XDP native", "XDP generic", "XDP offloaded", or "" when nothing is attached.
const char *xdp_mode(unsigned ifindex);

// Detaches the program on the interface if its name begins with `name` (XDP_NAMES: any of this
// project's), after a crash left it. The caller holds the lock of the interface
// (link/interface_lock.h). An owner with another /run does not see that lock, so a program with a
// live socket stays. 0 also when there is none. -errno, logged in one line, when another program or
// a live owner is in the way. Needs CAP_SYS_ADMIN and CAP_NET_RAW.
int xdp_sweep(const char *interface, const char *name);
