// The dataplane's entry points: EAL, ports, one polling thread per core, one housekeeping thread.
// Runs in a process of its own with the descriptors of link/handover.h.
#pragma once

// Runs until the link ends or SIGTERM. Returns the exit status.
int dataplane_main(void);

// Detaches the XDP programs that a crashed run left on the configured interfaces: programs with our
// names and without a live owner. Runs in a short-lived process with CAP_SYS_ADMIN before the
// dataplane starts, because the kernel lets no other process open a program by its id. Returns the
// exit status; a foreign program is an error, and the message names it and the command that removes
// it.
int dataplane_sweep(void);

// For --version: DPDK's version.
const char *dataplane_dpdk_version(void);
