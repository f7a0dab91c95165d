#include "control/ke/tls_names.h"

#include "base/log.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool has(const struct tls_read *pair, const char *name)
{
    X509 *leaf = sk_X509_value(pair->chain, 0);
    return X509_check_ip_asc(leaf, name, 0) == 1 ||
           X509_check_host(leaf, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static bool is_in_one(const char *name, const struct tls_read *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (has(&pairs[i], name))
            return true;
    return false;
}

static bool has_one(const struct tls_read *pair, const struct tls_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (has(pair, names->name[i]))
            return true;
    return false;
}

bool tls_names_judge(const struct tls_names *names, const struct tls_read *pairs, size_t n,
                     enum tls_dates dates)
{
    const bool refuse = dates == TLS_DATES_REFUSE;
    bool good = true;

    for (size_t i = 0; names != NULL && i < names->n && n > 0; i++) {
        if (is_in_one(names->name[i], pairs, n))
            continue;
        (refuse ? log_error : log_warning)(
            "%s (control.names) is in no certificate's subject alternative names: clients that use "
            "it will refuse this server; renew %s with it, or remove it from control.names",
            names->name[i], pairs[0].name);
        good = false;
    }
    for (size_t i = 0; names != NULL && names->n > 0 && i < n; i++)
        if (!has_one(&pairs[i], names))
            log_warning("%s: holds for none of control.names: clients that use them do not get it",
                        pairs[i].name);
    ERR_clear_error();
    return good || !refuse;
}
