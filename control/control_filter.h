// The system calls that control may make once it serves.
#pragma once

// After start-up, for all threads. 0 or -errno.
int control_filter_apply(void);
