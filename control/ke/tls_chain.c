// What makes a chain that OpenSSL takes bad for clients.
#include "control/ke/tls_chain.h"

#include "base/log.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

enum { SOON_DAYS = 30, NAME_LEN = 160 };

static void print_ascii(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

// How a message names a certificate: the file alone for the server's own, with number and subject
// for one of its issuers.
static const char *name_of(const char *file, int i, const X509 *certificate, char out[NAME_LEN])
{
    char subject[64] = "";

    if (i == 0) {
        snprintf(out, NAME_LEN, "%s", file);
        return out;
    }
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, subject,
                              sizeof subject);
    print_ascii(subject);
    snprintf(out, NAME_LEN, "%.80s: certificate %d (%s)", file, i + 1, subject);
    return out;
}

// False when the dates refuse it.
static bool judge_dates(const char *name, const X509 *certificate, enum tls_dates dates)
{
    const bool refuse = dates == TLS_DATES_REFUSE;
    int days = 0;
    int seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate))) {
        if (days < 0 || seconds < 0) {
            (refuse ? log_error : log_warning)("%s: HAS EXPIRED: clients will refuse it; renew it",
                                               name);
            return !refuse;
        }
        if (days < SOON_DAYS)
            log_warning("%s: expires in %d days; renew it", name, days);
    }
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notBefore(certificate)) &&
        (days > 0 || seconds > 0)) {
        (refuse ? log_error : log_warning)(
            "%s: IS NOT YET VALID: clients will refuse it; is this machine's clock right?", name);
        return !refuse;
    }
    return true;
}

static bool is_issued_by(X509 *certificate, X509 *issuer)
{
    return X509_check_issued(issuer, certificate) == X509_V_OK &&
           X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
}

// RFC 8446, section 4.4.2: each certificate "SHOULD directly certify the one immediately preceding
// it", and the root may be left out, since clients must have it anyway.
static void warn_of_links(const char *file, STACK_OF(X509) * chain)
{
    const int n = sk_X509_num(chain);
    char name[NAME_LEN];

    for (int i = 1; i < n; i++) {
        X509 *issuer = sk_X509_value(chain, i);
        if (!is_issued_by(sk_X509_value(chain, i - 1), issuer))
            log_warning("%s has not issued certificate %d: the chain is cut there, and clients may "
                        "refuse it; put behind each certificate its issuer",
                        name_of(file, i, issuer, name), i);
        else if (X509_check_ca(issuer) == 0)
            log_warning("%s is no authority's (CA:FALSE), but has issued certificate %d: clients "
                        "will refuse it",
                        name_of(file, i, issuer, name), i);
    }
    if (n == 1 && X509_self_signed(sk_X509_value(chain, 0), 1) != 1)
        log_warning("%s: holds one certificate without its issuer's: clients that do not have the "
                    "issuer will refuse it; give the whole chain (often called fullchain.pem)",
                    file);
}

bool tls_chain_judge(const char *file, STACK_OF(X509) * chain, enum tls_dates dates)
{
    char name[NAME_LEN];
    bool good = true;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);
        // Clients have the root of their own and look at no other's dates.
        const bool root = i > 0 && X509_self_signed(certificate, 0) == 1;
        good &= judge_dates(name_of(file, i, certificate, name), certificate,
                            root ? TLS_DATES_WARN : dates);
    }
    warn_of_links(file, chain);
    // RFC 6125: today's clients look nowhere else.
    if (X509_get_ext_by_NID(sk_X509_value(chain, 0), NID_subject_alt_name, -1) < 0)
        log_warning("%s: has no subject alternative name: clients will refuse it", file);
    // `openssl req -x509` makes such a one unless it is told otherwise.
    if (X509_check_ca(sk_X509_value(chain, 0)) == 1)
        log_warning("%s: is an authority's (CA:TRUE), not a server's: some clients, such as "
                    "ntpd-rs, will refuse it; make it with basicConstraints=critical,CA:FALSE",
                    file);
    ERR_clear_error();
    return good;
}

static void first_dns_name(const X509 *certificate, char *text, size_t len)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && *text == '\0'; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            snprintf(text, len, "%.*s", ASN1_STRING_length(name->d.dNSName),
                     (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    }
    GENERAL_NAMES_free(names);
}

void tls_chain_subject(const X509 *certificate, char *text, size_t len)
{
    text[0] = '\0';
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, (int)len);
    if (text[0] == '\0')
        first_dns_name(certificate, text, len);
    print_ascii(text);
    ERR_clear_error();
}

int64_t tls_chain_expires(STACK_OF(X509) * chain)
{
    int64_t first = INT64_MAX;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);
        struct tm tm;
        if ((i > 0 && X509_self_signed(certificate, 0) == 1) ||
            ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
            continue;
        const int64_t expires = timegm(&tm);
        first = expires < first ? expires : first;
    }
    return first;
}
