// A certificate chain as clients will see it: dates, links between its certificates, names. Main
// thread, or a check of the configuration.
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What becomes of a certificate that has expired or is not yet valid.
enum tls_dates {
    // It is logged loudly and used: a server of time may well start with a clock that is wrong
    // itself, and its clients judge the dates anyway.
    TLS_DATES_WARN,
    // It is refused: at a reload there is an older one that serves on.
    TLS_DATES_REFUSE,
};

// Logs all that clients will refuse or soon refuse, of every certificate in the chain (in the
// file's order, the server's own first; one at least). False when dates refuse one.
bool tls_chain_judge(const char *file, STACK_OF(X509) * chain, enum tls_dates dates);

// Writes the certificate's common name, else the first of its DNS names, else nothing; what is not
// printable ASCII as '?'.
void tls_chain_subject(const X509 *certificate, char *text, size_t len);

// The earliest date, in Unix time, at which a certificate of the chain expires. A root certificate
// behind others is not counted, because clients have their own copy.
int64_t tls_chain_expires(STACK_OF(X509) * chain);
