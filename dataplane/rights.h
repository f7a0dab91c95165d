// What this process may do, reduced once its ports are open. Housekeeping's thread, before the
// cores start.
#pragma once

// Keeps CAP_NET_ADMIN alone (detaching our XDP program at the end takes it), in every thread:
// capset acts on its caller only, and DPDK has made threads of its own. 0 or -errno.
int rights_reduce(void);
