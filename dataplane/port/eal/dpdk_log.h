// DPDK's messages, written to our log as those of the other libraries are (foreign_log.h).
#pragma once

// Takes over DPDK's stream. Before rte_eal_init. 0 or -errno.
int dpdk_log_route(void);
