// The names that clients use for this server (control.names), and whether its certificates have
// them. Main thread, or a check of the configuration.
#pragma once

#include "control/ke/tls_pair.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_names {
    size_t n;
    const char *const *name; // host names or addresses; not owned
};

// Logs each name that none of the certificates has, and each certificate that has none of the
// names. NULL: nothing is known of names. False with TLS_DATES_REFUSE when a name is missing: then
// the certificates of before serve on.
bool tls_names_judge(const struct tls_names *names, const struct tls_read *pairs, size_t n,
                     enum tls_dates dates);
