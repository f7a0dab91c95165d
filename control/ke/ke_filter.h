// The system calls that ke may make once it serves: fewer than any other process, because ke parses
// what clients send over TCP and TLS.
#pragma once

// After start-up, for all threads. 0 or -errno.
int ke_filter_apply(void);
