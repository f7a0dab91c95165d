// What DPDK, libbpf and libxdp say, brought into our log. While ports are being opened their errors
// are kept back, so that a failure ends in one line that quotes the cause; later they are warnings,
// rate limited. Cosmetic lines are dropped. Thread-safe.
#pragma once

// Takes over the three streams. Before rte_eal_init. 0 or -errno.
int foreign_log_route(void);

// From here on errors are kept back; what was kept before is forgotten.
void foreign_log_hold(void);

// The first error since foreign_log_hold: the cause, which is followed by its consequences. "" when
// there was none. Valid until the next foreign_log_hold. Called by the thread that opens ports.
const char *foreign_log_cause(void);

// From here on errors are logged as warnings.
void foreign_log_release(void);
