// The system calls that the metrics' process may make once it serves.
#pragma once

// 0 or -errno.
int exporter_filter_apply(void);
