// The supervisor's entry points. main.c starts it as root with a validated configuration. It makes
// the board, opens what needs rights, starts the three children by exec, restarts a child that
// dies, and handles signals and reloads. Reads nothing from the network; no TLS, no DPDK.
#pragma once

#include "config/config.h"

// Runs until SIGTERM or SIGINT, or until a child cannot be started. path: the absolute path of the
// configuration, which a reload reads again. A reload changes config, which the caller still owns.
// Returns the exit status.
int supervisor_run(struct config *config, const char *path);

// The reader of a reload: a short-lived process that reads the operator's files, which may be on a
// disk that does not answer; the supervisor must never wait for one. Runs as root with
// CAP_DAC_OVERRIDE alone, with the descriptors that all children have (link/handover.h). Reads the
// path from its link, reads the configuration and the files of the certificates, answers with
// LINK_CANDIDATE or LINK_REFUSED, and ends. Returns the exit status.
int supervisor_reader(void);
