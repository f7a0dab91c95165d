// The examinations: each adds what it finds to the list, from the struct machine alone. The table
// is in ctl/doctor/doctor.c. Those that need the configuration are not called without one.
#pragma once

#include "ctl/doctor/finding.h"
#include "ctl/doctor/machine.h"

void cores_examine(const struct machine *m, struct findings *list);      // are there, are online
void isolation_examine(const struct machine *m, struct findings *list);  // from the scheduler
void interrupts_examine(const struct machine *m, struct findings *list); // of others on the cores
void power_examine(const struct machine *m, struct findings *list); // governor, C-states, threads
void interfaces_examine(const struct machine *m, struct findings *list); // link, mode, programs
void queues_examine(const struct machine *m, struct findings *list);     // queues, hash, rings
void offloads_examine(const struct machine *m, struct findings *list);   // LRO, VLAN, moderation
void stamps_examine(const struct machine *m, struct findings *list);     // the devices' clocks
void drivers_examine(const struct machine *m, struct findings *list);    // what is known of them
void firewall_examine(const struct machine *m, struct findings *list);
void sockets_examine(const struct machine *m, struct findings *list); // who else has our ports
void memory_examine(const struct machine *m, struct findings *list);  // hugepages, for DPDK
void processes_examine(const struct machine *m, struct findings *list);
void setup_examine(const struct machine *m, struct findings *list); // noonmarkd --check-config
void certificates_examine(const struct machine *m, struct findings *list); // as they are served
void fleet_examine(const struct machine *m, struct findings *list); // the document of its keys
void clock_examine(const struct machine *m, struct findings *list);
void kernel_examine(const struct machine *m, struct findings *list);
