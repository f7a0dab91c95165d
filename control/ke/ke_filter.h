// What ke may still ask of the kernel once it serves: less than any other process, because it is
// the one that parses what strangers send.
#pragma once

// After start-up, for all threads. 0 or -errno.
int ke_filter_apply(void);
