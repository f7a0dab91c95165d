// What a reload does with certificates, in one step.
#pragma once

#include "control/ke/tls.h"

// Prepares other pairs, and serves them. 0 or -errno.
static inline int replace_pairs(struct tls *tls, const struct tls_pair *pairs, size_t n)
{
    SSL_CTX *context;
    const int result = tls_prepare(pairs, n, NULL, &context);
    if (result == 0)
        tls_replace(tls, context);
    return result;
}
