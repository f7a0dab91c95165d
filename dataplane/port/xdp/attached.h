// An XDP program that this process has loaded and attached to an interface by a BPF link: the
// kernel detaches it when the link's last descriptor is closed, at the latest with the end of the
// process, and lets nobody replace it meanwhile but one who may break links (CAP_SYS_ADMIN).
// Housekeeping's thread.
#pragma once

#include "dataplane/port/xdp/xdp.h"

#include <stdbool.h>
#include <stdint.h>

struct bpf_object;

struct attached {
    const struct xdp_program *program;
    struct bpf_object *object; // program and maps
    int link;
    uint32_t id;  // of the program
    bool generic; // the driver knows no XDP: the kernel runs the program behind it
};

// Loads and attaches the first of those n programs that kernel and driver take, in the driver if
// that can. 0 or -errno of the last one, not logged (foreign_log_cause may say more); then nothing
// is left. -EBUSY and -EEXIST: another program is attached. The caller calls foreign_log_release.
int attached_open(struct attached *attached, unsigned ifindex, const struct xdp_program *programs,
                  unsigned n);

// The descriptor of its map of that name, which lives as long as the program; -ENOENT.
int attached_map(const struct attached *attached, const char *name);

// Is it attached still? False after somebody has broken the link, or removed the interface.
bool attached_still(const struct attached *attached);

// Detaches it. Accepts a zeroed one.
void attached_close(struct attached *attached);
