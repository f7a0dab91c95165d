#include "perf/ke/ke_trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

// RFC 8915, section 4; after its length.
static const unsigned char alpn[] = "\x07ntske/1";
enum { ALPN_LEN = sizeof alpn - 1 };

static bool set_profile(SSL_CTX *context)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Section 3: nothing below TLS 1.3.
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") &&
           SSL_CTX_set_alpn_protos(context, alpn, ALPN_LEN) == 0;
}

static bool set_anchors(SSL_CTX *context, const struct ke_target *target)
{
    if (target->unverified)
        return true;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return target->ca ? SSL_CTX_load_verify_file(context, target->ca)
                      : SSL_CTX_set_default_verify_paths(context);
}

int ke_trust_open(const struct ke_target *target, SSL_CTX **context, char why[256])
{
    int result = -ENOMEM;
    snprintf(why, 256, "TLS 1.3 cannot be set up with this OpenSSL");
    SSL_CTX *made = SSL_CTX_new(TLS_client_method());
    if (!made || !set_profile(made))
        goto fail;
    if (!set_anchors(made, target)) {
        result = -EINVAL;
        snprintf(why, 256, "%.150s: cannot read a certificate from it; --ca needs a PEM file",
                 target->ca ? target->ca : "the system's authorities");
        goto fail;
    }
    *context = made;
    return 0;
fail:
    ERR_clear_error();
    SSL_CTX_free(made);
    return result;
}

// RFC 6066, section 3: an address is not sent as a server name. The certificate is verified against
// it nevertheless.
static bool set_name(SSL *session, const char *server)
{
    struct in6_addr ignored;
    if (inet_pton(AF_INET, server, &ignored) == 1 || inet_pton(AF_INET6, server, &ignored) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), server);
    return SSL_set_tlsext_host_name(session, server) && SSL_set1_host(session, server);
}

SSL *ke_trust_session(SSL_CTX *context, const struct ke_target *target, int fd)
{
    SSL *session = SSL_new(context);
    if (session && SSL_set_fd(session, fd) && set_name(session, target->server)) {
        SSL_set_connect_state(session);
        return session;
    }
    SSL_free(session);
    ERR_clear_error();
    return NULL;
}

bool ke_trust_agreed(const SSL *session)
{
    const unsigned char *chosen;
    unsigned len;
    SSL_get0_alpn_selected(session, &chosen, &len);
    return len == ALPN_LEN - 1 && memcmp(chosen, alpn + 1, len) == 0;
}
