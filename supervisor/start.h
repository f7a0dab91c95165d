// The plans of the six kinds of children: what each one gets. Single-threaded.
#pragma once

#include "supervisor/descriptors.h"

// The rights of the dataplane: steer packets, open raw rings, load its XDP program, lock memory.
#define DATAPLANE_RIGHTS                                                                           \
    (CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_NET_RAW) | CAPABILITY(CAP_BPF) |                   \
     CAPABILITY(CAP_IPC_LOCK))

// For limits above the supervisor's own, and for opening a listener again on a port below 1024: the
// server works without them.
#define WISHED_RIGHTS (CAPABILITY(CAP_SYS_RESOURCE) | CAPABILITY(CAP_NET_BIND_SERVICE))

// To read files of other users.
#define READER_RIGHTS CAPABILITY(CAP_DAC_OVERRIDE)

// What a hook may need to take a route or an address back, or to become the user of another daemon.
// All are among the others, but for the last one, without which it would still run.
#define HOOK_RIGHTS                                                                                \
    (CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_NET_RAW) | CAPABILITY(CAP_DAC_OVERRIDE) |          \
     CAPABILITY(CAP_KILL) | CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |                      \
     CAPABILITY(CAP_NET_BIND_SERVICE))

// The rights that the supervisor keeps after everything is open: the children's rights, the rights
// to become their users and to signal them, to read other users' certificate files at a reload, and
// the wished ones.
#define START_RIGHTS                                                                               \
    (DATAPLANE_RIGHTS | CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |                          \
     CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_KILL) | READER_RIGHTS | WISHED_RIGHTS)

// Those of them that the dataplane needs with that configuration: for sockets of the kernel alone
// only to lock memory.
uint64_t start_dataplane_rights(const struct config *config);

// Each returns the process id, or -errno with the reason logged. *link is the supervisor's end of
// the child's link, which the caller closes.
pid_t start_control(const struct descriptors *h, int *link);
pid_t start_ke(const struct descriptors *h, int *link);
// Raises the limit of open files of a ke that runs to what another configuration needs, if it is
// lower. Where the supervisor may not, ke logs what fits.
void start_raise_ke(pid_t ke, const struct config *config);

pid_t start_dataplane(const struct descriptors *h, int *link);
pid_t start_metrics(const struct descriptors *h, int *link);
pid_t start_etcd(const struct descriptors *h, int *link);

// Reads the configuration and the certificates for a reload (reader.c); ends by itself.
pid_t start_reader(const struct descriptors *h, int *link);
