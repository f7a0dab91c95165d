// The supervisor's door. Started as root by main.c with a validated configuration; makes the board,
// opens what needs rights, starts the three children by exec, restarts what dies, passes signals
// on. Reads nothing from the network; no TLS, no DPDK.
#pragma once

#include "config/config.h"

// Runs until SIGTERM or SIGINT, or until a child cannot be started. The exit status.
int supervisor_run(const struct config *config);
