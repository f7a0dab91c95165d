// The dataplane's entry points: ports, one polling thread per core, one housekeeping thread.
// Runs in a process of its own with the descriptors of link/handover.h.
#pragma once

// Runs until the link ends or SIGTERM. Returns the exit status.
int dataplane_main(void);

// For --version: DPDK's version.
const char *dataplane_dpdk_version(void);
