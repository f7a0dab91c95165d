// See ke.h.
#include "tests/client/ke.h"

#include "tests/client/octets.h"
#include "tests/client/records.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

static const uint8_t plain_request[] = {
    0x80, 1, 0, 2, 0, 0,  // Next Protocol Negotiation: NTPv4
    0x80, 4, 0, 2, 0, 15, // AEAD Algorithm Negotiation: AES-SIV-CMAC-256
    0x80, 0, 0, 0,        // End of Message
};

struct ke_plan ke_plan_plain(void)
{
    return (struct ke_plan){
        .port = 4460,
        .alpn = "ntske/1",
        .request = plain_request,
        .request_len = sizeof plain_request,
        .stop_at = SIZE_MAX,
        .timeout_ms = 10000,
    };
}

bool ke_address(const char *text, uint16_t port, struct sockaddr_storage *to, socklen_t *len)
{
    memset(to, 0, sizeof *to);
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof *v6;
        return true;
    }
    return false;
}

static void fail(struct ke_result *r, const char *where)
{
    if (r->failure[0] != '\0')
        return;
    r->failure = where;
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : strerror(errno);
    snprintf(r->detail, sizeof r->detail, "%s", text != NULL ? text : "");
    ERR_clear_error();
}

static int dial(const struct ke_plan *plan, struct ke_result *r)
{
    struct sockaddr_storage to;
    socklen_t len;
    if (!ke_address(plan->address, plan->port, &to, &len)) {
        errno = EINVAL;
        fail(r, "address");
        return -1;
    }
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = plan->timeout_ms / 1000,
                            .tv_usec = (long)(plan->timeout_ms % 1000) * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (plan->mss > 0)
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &(int){(int)plan->mss}, sizeof(int));
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, len) != 0) {
        fail(r, "connect");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

// What the library tells while it works: alerts that came in, and application records.
static void on_info(const SSL *ssl, int where, int value)
{
    struct ke_result *r = SSL_get_ex_data(ssl, 0);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && r->n_alerts < KE_ALERTS_MAX)
        r->alerts[r->n_alerts++] = value & 0xff;
}

static void on_message(int writing, int version, int type, const void *at, size_t len, SSL *ssl,
                       void *arg)
{
    (void)version;
    (void)ssl;
    struct ke_result *r = arg;
    const uint8_t *octets = at;
    if (!writing && type == SSL3_RT_INNER_CONTENT_TYPE && len == 1 &&
        octets[0] == SSL3_RT_APPLICATION_DATA)
        r->tls_records++;
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)session;
    struct ke_result *r = SSL_get_ex_data(ssl, 0);
    r->tickets++;
    return 0;
}

static int on_certificate(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
    (void)certificate;
    (void)key;
    struct ke_result *r = SSL_get_ex_data(ssl, 0);
    r->certificate_asked = true;
    return 0;
}

// A pre-shared key that no server has: a right server goes on with a full handshake.
static int on_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                  SSL_SESSION **session)
{
    static const unsigned char name[] = "stranger";
    static const unsigned char key[32] = {1, 2, 3};
    const SSL_CIPHER *suite = SSL_CIPHER_find(ssl, (const unsigned char[]){0x13, 0x01});
    *session = NULL;
    if (md != NULL && md != EVP_sha256())
        return 1;
    SSL_SESSION *s = SSL_SESSION_new();
    SSL_SESSION_set1_master_key(s, key, sizeof key);
    SSL_SESSION_set_cipher(s, suite);
    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION);
    SSL_SESSION_set_max_early_data(s, 16384);
    SSL_SESSION_set1_alpn_selected(s, (const unsigned char *)"ntske/1", 7);
    *session = s;
    *id = name;
    *id_len = sizeof name - 1;
    return 1;
}

// "a,b" as the wire wants it: a length octet before each name.
static void offer_alpn(SSL *ssl, const char *names)
{
    unsigned char wire[512];
    size_t n = 0;
    while (*names != '\0' && n < sizeof wire - 256) {
        size_t len = strcspn(names, ",");
        len = len < 255 ? len : 255;
        wire[n++] = (unsigned char)len;
        memcpy(wire + n, names, len);
        n += len;
        names += len;
        names += *names == ',';
    }
    if (n > 0)
        SSL_set_alpn_protos(ssl, wire, (unsigned)n);
}

static SSL_CTX *settings(const struct ke_plan *plan)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0); // old versions must really be offered to be refused
    SSL_CTX_set_min_proto_version(ctx, plan->version_min);
    SSL_CTX_set_max_proto_version(ctx, plan->version_max);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_ticket);
    SSL_CTX_set_client_cert_cb(ctx, on_certificate);
    SSL_CTX_set_info_callback(ctx, on_info);
    if (plan->suites != NULL)
        SSL_CTX_set_ciphersuites(ctx, plan->suites);
    if (plan->version_max != 0 && plan->version_max < TLS1_3_VERSION)
        SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
    if (plan->groups != NULL)
        SSL_CTX_set1_groups_list(ctx, plan->groups);
    if (plan->psk || plan->early)
        SSL_CTX_set_psk_use_session_callback(ctx, on_psk);
    if (plan->ca != NULL) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_load_verify_locations(ctx, plan->ca, NULL);
    }
    return ctx;
}

static SSL *session(const struct ke_plan *plan, SSL_CTX *ctx, int fd, struct ke_result *r)
{
    SSL *ssl = SSL_new(ctx);
    SSL_set_ex_data(ssl, 0, r);
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, r);
    SSL_set_fd(ssl, fd);
    offer_alpn(ssl, plan->alpn);
    struct sockaddr_storage ignored;
    socklen_t len;
    if (plan->name != NULL && ke_address(plan->name, 0, &ignored, &len)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), plan->name);
    } else if (plan->name != NULL) {
        SSL_set_tlsext_host_name(ssl, plan->name);
        SSL_set1_host(ssl, plan->name);
    }
    return ssl;
}

static bool handshake(const struct ke_plan *plan, SSL *ssl, struct ke_result *r)
{
    size_t early_len = 0;
    if (plan->early)
        SSL_write_early_data(ssl, plan->request, plan->request_len, &early_len);
    if (SSL_connect(ssl) != 1) {
        fail(r, "handshake");
        return false;
    }
    int early = SSL_get_early_data_status(ssl);
    r->early = early == SSL_EARLY_DATA_ACCEPTED   ? "accepted"
               : early == SSL_EARLY_DATA_REJECTED ? "rejected"
                                                  : "none";
    r->resumed = SSL_session_reused(ssl) == 1;
    snprintf(r->version, sizeof r->version, "%s", SSL_get_version(ssl));
    snprintf(r->suite, sizeof r->suite, "%s", SSL_get_cipher_name(ssl));
    const char *group = OBJ_nid2sn(SSL_get_negotiated_group(ssl) & ~TLSEXT_nid_unknown);
    snprintf(r->group, sizeof r->group, "%s", group != NULL ? group : "");
    const unsigned char *alpn;
    unsigned alpn_len;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
    snprintf(r->alpn, sizeof r->alpn, "%.*s", (int)alpn_len, (const char *)alpn);
    return true;
}

static void ask(const struct ke_plan *plan, SSL *ssl)
{
    for (unsigned i = 0; i < plan->updates; i++)
        if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1)
            return;
    size_t end = plan->stop_at < plan->request_len ? plan->stop_at : plan->request_len;
    size_t chunk = plan->chunk != 0 ? plan->chunk : end;
    for (size_t at = 0; at < end;) {
        size_t n = at == 0 && plan->split > 0 ? plan->split : chunk;
        n = end - at < n ? end - at : n;
        if (SSL_write(ssl, plan->request + at, (int)n) <= 0)
            return; // the response, or its absence, is what the test looks at
        at += n;
        if (plan->chunk_ms > 0)
            sleep_ms(plan->chunk_ms);
    }
}

// Reads to the end of TLS, then to the end of TCP.
static void collect(SSL *ssl, int fd, struct ke_result *r)
{
    bool notified = false;
    while (r->response_len < KE_RESPONSE_MAX) {
        ERR_clear_error();
        errno = 0;
        int n =
            SSL_read(ssl, r->response + r->response_len, (int)(KE_RESPONSE_MAX - r->response_len));
        if (n > 0) {
            r->response_len += (size_t)n;
            continue;
        }
        int error = SSL_get_error(ssl, n);
        notified = error == SSL_ERROR_ZERO_RETURN;
        if (!notified) {
            r->ended = errno == ECONNRESET || errno == EPIPE ? "rst" : "fin";
            if (error == SSL_ERROR_WANT_READ || errno == EAGAIN)
                r->ended = "open";
            if (error == SSL_ERROR_SSL && r->n_alerts > 0)
                fail(r, "read");
            return;
        }
        break;
    }
    uint8_t rest[512];
    ssize_t n;
    while ((n = recv(fd, rest, sizeof rest, 0)) > 0)
        ;
    r->ended = n == 0 ? "close_notify+fin" : errno == ECONNRESET ? "close_notify+rst" : "open";
}

static void finish(const struct ke_plan *plan, SSL *ssl, int fd, struct ke_result *r)
{
    r->ended = "closed";
    if (plan->after == KE_AFTER_CLOSE || plan->after == KE_AFTER_RESET) {
        struct linger abrupt = {.l_onoff = 1, .l_linger = 0};
        if (plan->after == KE_AFTER_RESET)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        return;
    }
    if (plan->after == KE_AFTER_NOTIFY || plan->after == KE_AFTER_FIN)
        SSL_shutdown(ssl);
    if (plan->after == KE_AFTER_FIN)
        shutdown(fd, SHUT_WR);
    sleep_ms(plan->read_ms);
    collect(ssl, fd, r);
}

static void export_keys(const struct ke_plan *plan, SSL *ssl, struct ke_result *r)
{
    // RFC 8915, section 5.1: protocol id, AEAD id, direction.
    int aead = plan->aead != 0 ? plan->aead : r->aead;
    if (aead < 0)
        return;
    uint8_t context[5] = {0, 0, (uint8_t)(aead >> 8), (uint8_t)aead, 0};
    static const char label[] = "EXPORTER-network-time-security";
    r->key_len = aead == 16 ? 48 : aead == 17 ? 64 : aead == 30 ? 16 : 32;
    SSL_export_keying_material(ssl, r->c2s, r->key_len, label, sizeof label - 1, context, 5, 1);
    context[4] = 1;
    SSL_export_keying_material(ssl, r->s2c, r->key_len, label, sizeof label - 1, context, 5, 1);
}

void ke_run(const struct ke_plan *plan, struct ke_result *r)
{
    memset(r, 0, sizeof *r);
    r->failure = "";
    r->early = "none";
    r->ended = "open";
    r->error = r->aead = -1;
    uint64_t start = now_ns();
    int fd = dial(plan, r);
    if (fd < 0)
        return;
    sleep_ms(plan->before_ms);
    SSL_CTX *ctx = settings(plan);
    SSL *ssl = session(plan, ctx, fd, r);
    bool up = handshake(plan, ssl, r);
    r->handshake_ms = (double)(now_ns() - start) / 1e6;
    if (up) {
        sleep_ms(plan->wait_ms);
        ask(plan, ssl);
        finish(plan, ssl, fd, r);
        records_decode(r);
        export_keys(plan, ssl, r);
        ERR_clear_error();
        if (plan->after == KE_AFTER_WAIT)
            SSL_shutdown(ssl);
    }
    r->total_ms = (double)(now_ns() - start) / 1e6;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}
