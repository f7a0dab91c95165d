// Looks at this machine: fills in what the examinations are given. Single-threaded; runs nft or
// iptables-save, and noonmarkd --check-config, if they are there.
#pragma once

#include "ctl/doctor/machine.h"

// Fills in all but root, config_path, status, clock, server_fault and supervisor, which are the
// caller's. machine_forget frees what it has
// filled in, and the answers.
void machine_look(struct machine *m);

void machine_forget(struct machine *m);
