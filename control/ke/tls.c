#include "control/ke/tls.h"

#include "base/bounds.h"
#include "base/bytes.h"
#include "base/log.h"
#include "control/ke/tls_choice.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls {
    // Written by tls_replace, read by the loops for each session. The lock protects it while a
    // reference is taken, which is much shorter than a handshake.
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

// The numbers of groups in TLS. The second is X25519 with ML-KEM-768, which keeps what is recorded
// today from whoever will have a quantum computer.
enum { X25519 = 0x001d, X25519_MLKEM768 = 0x11ec };

// RFC 8446, section 4.2.8: has the hello a key share of that group? OpenSSL may not have checked
// these octets yet.
static bool shares(SSL *session, uint16_t group)
{
    const unsigned char *octets;
    size_t len;
    if (!SSL_client_hello_get0_ext(session, TLSEXT_TYPE_key_share, &octets, &len) || len < 2)
        return false;
    for (size_t at = 2; at + 4 <= len; at += 4u + be16_get(octets + at + 2))
        if (be16_get(octets + at) == group)
            return true;
    return false;
}

// Of a client's shares the hybrid is taken, then X25519's. OpenSSL takes the first share that it
// knows: GnuTLS sends P-256's before X25519's, which costs both sides less. hybrid: not NULL where
// OpenSSL has it. Who sends no share of it is not sent back for one: that would cost a round trip.
static int choose_groups(SSL *session, int *alert, void *hybrid)
{
    const int x25519 = NID_X25519;
    if (hybrid != NULL && shares(session, X25519_MLKEM768)
            ? SSL_set1_groups_list(session, hybrid)
            : !shares(session, X25519) || SSL_set1_groups(session, &x25519, 1))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

// Counts the client's KeyUpdates. Each stands in a record of its own (RFC 8446, section 5.1), so
// that the wire can stop before the next.
static void see_message(int sent, int version, int type, const void *octets, size_t len,
                        SSL *session, void *wire)
{
    (void)version;
    (void)session;
    if (!sent && type == SSL3_RT_HANDSHAKE && len > 0 &&
        *(const uint8_t *)octets == SSL3_MT_KEY_UPDATE)
        ((struct tls_wire *)wire)->key_updates++;
}

// P-384 would cost ten times as much as either of these, at the client's choice. OpenSSL refuses a
// list with a group that its providers lack, as X25519 in FIPS mode.
static bool set_groups(SSL_CTX *context)
{
    static char hybrid[] = "X25519MLKEM768"; // OpenSSL 3.5
    if (SSL_CTX_set1_groups_list(context, "X25519:X25519MLKEM768:P-256")) {
        SSL_CTX_set_client_hello_cb(context, choose_groups, hybrid);
        return true;
    }
    if (SSL_CTX_set1_groups_list(context, "X25519:P-256")) {
        SSL_CTX_set_client_hello_cb(context, choose_groups, NULL);
        return true;
    }
    return SSL_CTX_set1_groups_list(context, "P-256");
}

static bool set_profile(SSL_CTX *context)
{
    // Section 3: nothing below TLS 1.3.
    if (!SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) || !set_groups(context) ||
        !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                           "TLS_CHACHA20_POLY1305_SHA256"))
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
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    // The chain is what the file has: OpenSSL is not to look for issuers at each handshake.
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return SSL_CTX_set_max_send_fragment(context, 4096) == 1;
}

static SSL_CTX *empty_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    const bool good = context && set_profile(context);
    ERR_clear_error();
    if (good)
        return context;
    log_error("TLS 1.3 cannot be set up with this OpenSSL; 'openssl list -providers' shows what "
              "its configuration gives it");
    SSL_CTX_free(context);
    return NULL;
}

// Makes a complete context of these pairs; NULL, logged, on failure.
static SSL_CTX *make_context(const struct tls_pair *pairs, size_t n, const struct tls_names *names,
                             enum tls_dates dates)
{
    struct tls_read read[CERTIFICATES_MAX] = {0};
    SSL_CTX *context = empty_context(); // first: what OpenSSL lacks may be why pairs fail
    bool good = context != NULL;

    assert(n <= CERTIFICATES_MAX);
    for (size_t i = 0; i < n && context != NULL; i++) // all, so that the faults of each are told
        good &= tls_pair_read(&pairs[i], dates, &read[i]) == 0;
    good = good && tls_names_judge(names, read, n, dates) &&
           tls_choice_put(context, read, n, empty_context);
    for (size_t i = 0; i < n; i++)
        tls_read_free(&read[i]);
    if (good)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

// FIPS mode covers TLS alone. The operator must know that, so the log says it.
static void log_fips(void)
{
    if (EVP_default_properties_is_fips_enabled(NULL))
        log_info(
            "OpenSSL is in FIPS mode: NTS-KE is TLS 1.3 with what its FIPS provider has. NTS "
            "packets and cookies are sealed with noonmark's own AES-SIV, which is not validated");
}

// OpenSSL passes over a configuration that it cannot read, in silence, and so over the FIPS mode
// that it may ask for.
static int look_at_configuration(void)
{
    const char *path = getenv("OPENSSL_CONF");
    if (path == NULL || path[0] == '\0' || access(path, R_OK) == 0)
        return 0;
    const int error = errno;
    log_error("OPENSSL_CONF: %s cannot be read by this process: %s; let control.user read it and "
              "enter its directories",
              path, strerror(error));
    return -error;
}

int tls_open(const struct tls_pair *pairs, size_t n, const struct tls_names *names,
             struct tls **tls)
{
    const int fault = look_at_configuration();
    if (fault != 0)
        return fault;
    struct tls *made = calloc(1, sizeof *made);
    if (!made)
        return -ENOMEM;
    pthread_mutex_init(&made->lock, NULL);
    made->method = tls_wire_method();
    made->context = made->method ? make_context(pairs, n, names, TLS_DATES_WARN) : NULL;
    if (!made->context) {
        const int result = made->method ? -EINVAL : -ENOMEM;
        tls_close(made);
        return result;
    }
    log_fips();
    *tls = made;
    return 0;
}

int tls_prepare(const struct tls_pair *pairs, size_t n, const struct tls_names *names,
                SSL_CTX **out)
{
    SSL_CTX *context = make_context(pairs, n, names, TLS_DATES_REFUSE);
    if (!context)
        return -EINVAL;
    *out = context;
    return 0;
}

void tls_replace(struct tls *tls, SSL_CTX *context)
{
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); // our reference; the last session frees the context
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
    SSL_set_msg_callback(session, see_message);
    SSL_set_msg_callback_arg(session, wire);
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
