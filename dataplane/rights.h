// The rights of this process, reduced once its ports are open. Housekeeping's thread, before the
// cores start.
#pragma once

// Keeps CAP_NET_ADMIN alone (needed to detach our XDP program at the end), in every thread: capset
// changes only the calling thread, and DPDK has made threads of its own. 0 or -errno.
int rights_reduce(void);
