// The plans of the five kinds of children: what each is given. Single-threaded.
#pragma once

#include "supervisor/descriptors.h"

// What the dataplane may: steer packets, open raw rings, load its XDP program, lock memory.
#define DATAPLANE_RIGHTS                                                                           \
    (CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_NET_RAW) | CAPABILITY(CAP_BPF) |                   \
     CAPABILITY(CAP_IPC_LOCK))

// Only SYS_ADMIN may look at another process's XDP program by its id; NET_RAW is for the socket
// that tells whether that program has an owner.
#define SWEEP_RIGHTS                                                                               \
    (CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_NET_RAW) |             \
     CAPABILITY(CAP_BPF))

// Limits beyond the supervisor's own, and opening a listener anew whose port is below 1024: without
// them the server works.
#define WISHED_RIGHTS (CAPABILITY(CAP_SYS_RESOURCE) | CAPABILITY(CAP_NET_BIND_SERVICE))

// To read what belongs to somebody else.
#define READER_RIGHTS CAPABILITY(CAP_DAC_OVERRIDE)

// What the supervisor keeps once all is open: the children's rights, to become their users and to
// signal them, to read certificates that belong to somebody else at a reload, and what is wished
// for.
#define START_RIGHTS                                                                               \
    (DATAPLANE_RIGHTS | SWEEP_RIGHTS | CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |           \
     CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_KILL) | READER_RIGHTS | WISHED_RIGHTS)

// Each returns the process id, or -errno with the reason logged. *link is the supervisor's end of
// the child's link, which the caller closes.
pid_t start_control(const struct descriptors *h, int *link);
pid_t start_ke(const struct descriptors *h, int *link);
pid_t start_dataplane(const struct descriptors *h, int *link);

// Detaches what a crashed dataplane left on the interfaces; ends by itself.
pid_t start_sweep(const struct descriptors *h, int *link);

// Reads the configuration and the certificates for a reload (reader.c); ends by itself.
pid_t start_reader(const struct descriptors *h, int *link);

// False when no port is a kernel interface, so that nothing can be left behind.
bool start_needs_sweep(const struct descriptors *h);
