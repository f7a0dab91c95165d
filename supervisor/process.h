// What the supervisor arranges for its own process. Single-threaded.
#pragma once

// No core dump, and no look into it by others.
void process_forbid_dumps(void);

// Opens standard input, output and error where they are closed. 0 or -errno.
int process_hold_standard(void);

// SIGTERM, SIGINT, SIGHUP and SIGCHLD are to be read from *out. 0 or -errno.
int process_open_signals(int *out);
