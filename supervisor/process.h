// Preparation of the supervisor's own process. Single-threaded.
#pragma once

// Forbids core dumps, and access to its memory by other processes.
void process_forbid_dumps(void);

// Opens standard input, output and error where they are closed. 0 or -errno.
int process_hold_standard(void);

// SIGTERM, SIGINT, SIGHUP and SIGCHLD must be read from *out. 0 or -errno.
int process_open_signals(int *out);
