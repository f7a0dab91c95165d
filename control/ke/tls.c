#include "control/ke/tls.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    // Written by tls_replace, read by the loops for each session. The lock is held only while one
    // of them takes or drops a reference, which is nothing compared with a handshake.
    SSL_CTX *context;
    pthread_mutex_t lock;
    BIO_METHOD *method; // for all sessions of all contexts
};

// RFC 8915, section 4: the protocol's identification sequence, after its length.
static const uint8_t alpn[] = "\x07ntske/1";
enum { ALPN_LEN = sizeof alpn - 1 };

// Section 3: accepts "ntske/1" and nothing else.
static int choose_alpn(SSL *session, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *offered, unsigned offered_len, void *unused)
{
    (void)session;
    (void)unused;
    for (unsigned at = 0; at < offered_len; at += 1u + offered[at]) {
        if (offered_len - at >= ALPN_LEN && memcmp(offered + at, alpn, ALPN_LEN) == 0) {
            *out = offered + at + 1;
            *out_len = ALPN_LEN - 1;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL; // no_application_protocol
}

static bool set_profile(SSL_CTX *context)
{
    // Section 3: nothing below TLS 1.3.
    if (!SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384"))
        return false;
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);

    // The keys come from the exporter of this handshake, so no session is resumed. Without tickets
    // OpenSSL's own session cache would still grow (CVE-2024-2511), so it is off too.
    if (!SSL_CTX_set_num_tickets(context, 0) || !SSL_CTX_set_max_early_data(context, 0))
        return false;
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);

    // A client that ends its side without close_notify has truncated nothing: a request has its own
    // end mark. It still gets its answer.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Buffers are freed while a connection waits, and writes need little memory: idle connections
    // stay cheap.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return SSL_CTX_set_max_send_fragment(context, 4096) == 1;
}

// Makes a complete context of these pairs; NULL, logged, on failure.
static SSL_CTX *make_context(const struct tls_pair *pairs, size_t n, enum tls_dates dates)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool good = context && set_profile(context);
    if (!good)
        log_error("TLS 1.3 cannot be set up with this OpenSSL");
    for (size_t i = 0; i < n && good; i++)
        good = tls_pair_use(&pairs[i], dates, context) == 0;
    ERR_clear_error();
    if (good)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

int tls_open(const struct tls_pair *pairs, size_t n, struct tls **tls)
{
    struct tls *made = calloc(1, sizeof *made);
    if (!made)
        return -ENOMEM;
    pthread_mutex_init(&made->lock, NULL);
    made->method = tls_wire_method();
    made->context = made->method ? make_context(pairs, n, TLS_DATES_WARN) : NULL;
    if (!made->context) {
        const int result = made->method ? -EINVAL : -ENOMEM;
        tls_close(made);
        return result;
    }
    *tls = made;
    return 0;
}

int tls_replace(struct tls *tls, const struct tls_pair *pairs, size_t n)
{
    SSL_CTX *context = make_context(pairs, n, TLS_DATES_REFUSE);
    if (!context)
        return -EINVAL;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); // our reference; the last session frees the context
    return 0;
}

void tls_close(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

static SSL_CTX *take_context(struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *context = tls->context;
    SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&tls->lock);
    return context;
}

SSL *tls_session(struct tls *tls, struct tls_wire *wire)
{
    SSL_CTX *context = take_context(tls);
    SSL *session = SSL_new(context); // it takes a reference of its own
    SSL_CTX_free(context);
    BIO *bio = tls_wire_bio(tls->method, wire);
    if (!session || !bio) {
        SSL_free(session);
        BIO_free(bio);
        return NULL;
    }
    SSL_set_bio(session, bio, bio);
    SSL_set_accept_state(session);
    return session;
}

bool tls_speaks_ntske(const SSL *session)
{
    const unsigned char *agreed;
    unsigned len;
    SSL_get0_alpn_selected(session, &agreed, &len);
    return len == ALPN_LEN - 1 && memcmp(agreed, alpn + 1, len) == 0;
}

bool tls_export(SSL *session, uint16_t protocol, uint16_t aead, size_t key_len, uint8_t *keys)
{
    // RFC 8915, section 5.1 for protocol 0: the label, and a context that names the key's purpose.
    static const char label[] = "EXPORTER-network-time-security";
    uint8_t context[5];
    be16_put(context, protocol);
    be16_put(context + 2, aead);
    for (uint8_t direction = 0; direction < 2; direction++) {
        context[4] = direction; // 0: client to server
        if (SSL_export_keying_material(session, keys + direction * key_len, key_len, label,
                                       sizeof label - 1, context, sizeof context, 1) != 1) {
            OPENSSL_cleanse(keys, 2 * key_len);
            return false;
        }
    }
    return true;
}
