// The rights of this process, reduced once its ports are open. Housekeeping's thread, before the
// cores start.
#pragma once

#include <stdbool.h>

// Gives up all capabilities, but CAP_NET_ADMIN if a driver of DPDK's may need it to close its
// device; in every thread: capset changes only the calling thread, and DPDK has made threads of its
// own. 0 or -errno.
int rights_reduce(bool net_admin);
