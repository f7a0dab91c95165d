// The dataplane's door: EAL, ports, one polling thread a core, one housekeeping thread. Runs in a
// process of its own with the descriptors of link/handover.h.
#pragma once

// Runs until the link ends or SIGTERM. The exit status.
int dataplane_main(void);

// Detaches the XDP programs that a crashed run left on the configured interfaces: ours (by name)
// and with no live owner. Runs in a short-lived process with CAP_SYS_ADMIN before the dataplane
// starts, because the kernel lets nobody else look at a program by its id. The exit status; a
// foreign program is an error that names it and the command that removes it.
int dataplane_sweep(void);

// For --version: DPDK's version, and the crypto variant that "auto" means on this machine.
const char *dataplane_dpdk_version(void);
