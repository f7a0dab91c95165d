// Messages of DPDK, libbpf and libxdp, written to our log. While ports are being opened their
// errors are kept back, so that a failure ends in one line that quotes the cause; later errors
// become warnings, rate limited. Unimportant lines are dropped. Thread-safe.
#pragma once

// Takes over what libbpf and libxdp print. eal/dpdk_log.h does so for DPDK.
void foreign_log_route(void);

// A message that a library has printed: one line, without its newline.
void foreign_log_line(const char *text);

// From here on errors are kept back; errors from before are forgotten.
void foreign_log_hold(void);

// The first error since foreign_log_hold: it is the cause, and later errors follow from it. "" when
// there was none. Valid until the next foreign_log_hold. Called by the thread that opens ports.
const char *foreign_log_cause(void);

// From here on errors are logged as warnings.
void foreign_log_release(void);
