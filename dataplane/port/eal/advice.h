// Why a port does not come up, as one line that says what to do. DPDK tells the cause only in its
// log (foreign_log.h), so this searches for the words that DPDK and the kernel are known to use.
#pragma once

#include <stddef.h>

// What to do about that cause: a format with no more than the interface's name as its argument, or
// NULL when the cause is not known. Pure.
const char *advice_for(const char *cause, int fault);

// Debian's package of the driver of a vdev string, under the DPDK of that year (two digits) and
// month. Pure.
void advice_package(const char *text, unsigned year, unsigned month, char *out, size_t len);

void advice_vdev(const char *text, int fault);
