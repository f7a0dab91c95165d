// Control's entry point: cookie keys and their file, the time source, the control socket. Runs in a
// process of its own, as control.user with no capability, with the descriptors of link/handover.h.
#pragma once

// Runs until the link ends or SIGTERM. Returns the exit status.
int control_main(void);
