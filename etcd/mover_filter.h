// The system calls that the mover may make once it serves.
#pragma once

// 0 or -errno.
int mover_filter_apply(void);
