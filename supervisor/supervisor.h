// The supervisor's entry points. main.c starts it as root with a validated configuration. It makes
// the board, opens what needs rights, starts the three children by exec, restarts a child that
// dies, and handles signals and reloads. Reads nothing from the network; no TLS, no DPDK.
#pragma once

#include "config/config.h"

#include <stdbool.h>

// Runs until SIGTERM or SIGINT, or until a child cannot be started. path: where the configuration
// is read anew at a reload, absolute. A reload changes config, which stays the caller's. The exit
// status.
int supervisor_run(struct config *config, const char *path);

// Judges certificates: fd holds chain and key of each of `control.certificates`, which stay the
// caller's; -1: it could not be opened, which has been logged. False with the faults logged.
typedef bool supervisor_judge(const struct config *config, const int *fd);

// Looks at what a start would open or use, changes nothing, and logs each fault, not the first
// alone: users, directories, addresses, CPUs, certificates (their content by judge). What may be
// different where or when the server starts only warns: an interface that is missing, an
// `ntp_server` that cannot be resolved. Waits for a resolver for a few seconds at most. False when
// there is a fault.
bool supervisor_check(const struct config *config, supervisor_judge *judge);

// The reader of a reload: a short-lived process that reads the operator's files, which may lie on a
// disk that does not answer; the supervisor must never wait for one. Runs as root with
// CAP_DAC_OVERRIDE alone, with the descriptors that all children have (link/handover.h). Reads from
// its link the configuration's path, or that the one in force is meant, reads the configuration and
// the files of the certificates, answers with LINK_CANDIDATE or LINK_REFUSED, and ends. Returns the
// exit status.
int supervisor_reader(void);
