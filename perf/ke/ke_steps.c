#include "perf/ke/ke_steps.h"

#include "base/bytes.h"
#include "perf/ke/ke_slow.h"
#include "perf/ke/ke_trust.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>

enum ke_progress ke_steps_begin(struct ke_session *s, SSL_CTX *context,
                                const struct ke_target *target,
                                const struct sockaddr_storage *source)
{
    const int on = 1;

    s->context = context;
    s->target = target;
    s->tls = NULL;
    s->step = KE_STEP_CONNECTING;
    s->dribbled = s->framed = s->len = 0;
    s->fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return ke_session_decide_error(s, errno);
    // The request follows the last flight of the handshake; Nagle's algorithm would delay it until
    // an ACK.
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source) {
        setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(s->fd, (const struct sockaddr *)source, ke_address_len(source)) < 0)
            return ke_session_decide_error(s, errno);
    }
    if (connect(s->fd, (const struct sockaddr *)&target->address,
                ke_address_len(&target->address)) < 0 &&
        errno != EINPROGRESS)
        return ke_session_decide_error(s, errno);
    return KE_PROGRESS_WAITING;
}

// A client that aborts resets its connection: after a FIN of ours the port would stay in use for a
// minute.
static enum ke_progress leave(struct ke_session *s)
{
    const struct linger abrupt = {.l_onoff = 1, .l_linger = 0};
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    return ke_session_decide(s, KE_OUTCOME_LEFT);
}

static enum ke_progress handshake(struct ke_session *s)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(s->tls);
    if (result != 1) {
        enum ke_progress progress = ke_session_judge(s, result);
        // It reads from a BIO that stays empty, so it ends after its ClientHello.
        if (s->report.kind == KE_KIND_LEAVE_HELLO && SSL_want_read(s->tls))
            return leave(s);
        return progress;
    }
    s->report.times.handshake_ns = ke_now_ns();
    if (!ke_trust_agreed(s->tls))
        return ke_session_decide(s, KE_OUTCOME_ALPN);
    if (s->report.kind == KE_KIND_LEAVE_TLS)
        return leave(s);
    s->step = s->report.kind == KE_KIND_SLOW_REQUEST ? KE_STEP_DRIBBLING : KE_STEP_REQUESTING;
    return KE_PROGRESS_WAITING;
}

// A client that aborts after the ClientHello never reads, even if the answer is already there.
static bool make_deaf(SSL *tls)
{
    BIO *empty = BIO_new(BIO_s_mem());
    if (empty)
        SSL_set0_rbio(tls, empty);
    return empty != NULL;
}

static enum ke_progress connected(struct ke_session *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
        return ke_session_decide_error(s, error ? error : errno);
    s->report.times.connected_ns = ke_now_ns();
    if (s->report.kind == KE_KIND_LEAVE_CONNECT)
        return leave(s);
    s->tls = ke_trust_session(s->context, s->target, s->fd);
    if (!s->tls || (s->report.kind == KE_KIND_SLOW_HELLO && !ke_slow_prepare(s)) ||
        (s->report.kind == KE_KIND_LEAVE_HELLO && !make_deaf(s->tls)))
        return ke_session_decide_error(s, ENOMEM);
    s->step = s->report.kind == KE_KIND_SLOW_HELLO ? KE_STEP_DRIBBLING : KE_STEP_HANDSHAKING;
    return KE_PROGRESS_WAITING;
}

static enum ke_progress request(struct ke_session *s)
{
    uint8_t octets[KE_REQUEST_MAX];
    int len = (int)ke_request_write(aead_rows, AEAD_ROWS, octets);
    ERR_clear_error();
    errno = 0;
    int result = SSL_write(s->tls, octets, len);
    if (result <= 0)
        return ke_session_judge(s, result);
    s->step = KE_STEP_LISTENING;
    return KE_PROGRESS_WAITING;
}

// RFC 8915, section 5.1: the context is protocol id, AEAD id, direction.
static bool export_keys(SSL *tls, struct ke_grant *grant)
{
    static const char label[] = "EXPORTER-network-time-security";
    const struct aead *aead = grant->aead;
    uint8_t context[5] = {0, 0, (uint8_t)(aead->id >> 8), (uint8_t)aead->id, 0};
    if (SSL_export_keying_material(tls, grant->c2s, aead->lengths->key, label, sizeof label - 1,
                                   context, sizeof context, 1) != 1)
        return false;
    context[4] = 1;
    return SSL_export_keying_material(tls, grant->s2c, aead->lengths->key, label, sizeof label - 1,
                                      context, sizeof context, 1) == 1;
}

static enum ke_progress answered(struct ke_session *s, struct ke_grant *grant)
{
    s->report.times.answered_ns = ke_now_ns();
    s->report.fault =
        ke_response_read(s->response, s->framed, aead_rows, AEAD_ROWS, grant, &s->report.code);
    switch (s->report.fault) {
    case KE_FAULT_NONE:
        break;
    case KE_FAULT_ERROR:
        return ke_session_decide(s, KE_OUTCOME_ERROR_RECORD);
    case KE_FAULT_NOT_NTPV4:
    case KE_FAULT_NO_COMMON:
        return ke_session_decide(s, KE_OUTCOME_NO_COMMON);
    default:
        return ke_session_decide(s, KE_OUTCOME_MALFORMED);
    }
    if (!export_keys(s->tls, grant)) {
        bytes_wipe(grant, sizeof *grant);
        return ke_session_decide_tls(s);
    }
    ke_session_decide(s, KE_OUTCOME_GRANTED);
    // RFC 8915, section 4: both sides send close_notify.
    SSL_shutdown(s->tls);
    ERR_clear_error();
    s->step = KE_STEP_CLOSING;
    return KE_PROGRESS_DECIDED;
}

static enum ke_progress listen_on(struct ke_session *s, struct ke_grant *grant)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int got = SSL_read(s->tls, s->response + s->len, (int)(KE_ANSWER_MAX - s->len));
        if (got <= 0)
            return ke_session_judge(s, got);
        s->len += (size_t)got;
        if (ke_response_ended(s->response, s->len, &s->framed))
            return answered(s, grant);
        if (s->len == KE_ANSWER_MAX) {
            s->report.fault = KE_FAULT_FRAMING;
            return ke_session_decide(s, KE_OUTCOME_MALFORMED);
        }
    }
}

static enum ke_progress drain(struct ke_session *s)
{
    uint8_t rest[1024];
    ssize_t got;
    do
        got = recv(s->fd, rest, sizeof rest, 0);
    while (got > 0);
    return got < 0 && errno == EAGAIN ? KE_PROGRESS_WAITING : KE_PROGRESS_OVER;
}

static enum ke_progress step(struct ke_session *s, struct ke_grant *grant)
{
    switch (s->step) {
    case KE_STEP_CONNECTING:
        return connected(s);
    case KE_STEP_HANDSHAKING:
        return handshake(s);
    case KE_STEP_REQUESTING:
        return request(s);
    case KE_STEP_LISTENING:
        return listen_on(s, grant);
    case KE_STEP_CLOSING:
        return drain(s);
    default:
        return ke_slow_hear(s);
    }
}

enum ke_progress ke_steps_turn(struct ke_session *s, struct ke_grant *grant)
{
    for (;;) {
        enum ke_step before = s->step;
        enum ke_progress progress = step(s, grant);
        if (progress == KE_PROGRESS_DECIDED && s->step == KE_STEP_DRIBBLING)
            s->report.outcome = ke_slow_outcome(s);
        if (progress != KE_PROGRESS_WAITING || s->step == before)
            return progress;
    }
}
