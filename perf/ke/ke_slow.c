#include "perf/ke/ke_slow.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

bool ke_slow_prepare(struct ke_session *s)
{
    BIO *kept = BIO_new(BIO_s_mem());
    if (!kept)
        return false;
    SSL_set0_wbio(s->tls, kept);
    SSL_do_handshake(s->tls); // writes the ClientHello, then wants to read
    ERR_clear_error();
    return true;
}

static enum ke_progress cut(struct ke_session *s)
{
    return ke_session_decide(s, KE_OUTCOME_CUT);
}

static size_t hello(const struct ke_session *s, const uint8_t **octets)
{
    char *at;
    long len = BIO_get_mem_data(SSL_get_wbio(s->tls), &at);
    *octets = (const uint8_t *)at;
    return len > 0 ? (size_t)len : 0;
}

static enum ke_progress dribble_hello(struct ke_session *s)
{
    const uint8_t *octets;
    if (s->dribbled == hello(s, &octets))
        return KE_PROGRESS_WAITING;
    ssize_t sent = send(s->fd, octets + s->dribbled, 1, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        return cut(s);
    s->dribbled += sent > 0;
    return KE_PROGRESS_WAITING;
}

static enum ke_progress dribble_request(struct ke_session *s)
{
    uint8_t request[KE_REQUEST_MAX];
    size_t len = ke_request_write(aead_rows, AEAD_ROWS, request);
    if (s->dribbled == len - 1)
        return KE_PROGRESS_WAITING;
    ERR_clear_error();
    errno = 0;
    int result = SSL_write(s->tls, request + s->dribbled, 1);
    if (result <= 0)
        return ke_session_judge(s, result) == KE_PROGRESS_WAITING ? KE_PROGRESS_WAITING : cut(s);
    s->dribbled++;
    return KE_PROGRESS_WAITING;
}

enum ke_progress ke_slow_dribble(struct ke_session *s)
{
    return s->report.kind == KE_KIND_SLOW_HELLO ? dribble_hello(s) : dribble_request(s);
}

// Data before the ClientHello is complete is an alert: the end. The answer to a complete
// ClientHello is discarded.
static enum ke_progress hear_hello(struct ke_session *s)
{
    const uint8_t *octets;
    uint8_t heard[1024];
    for (;;) {
        ssize_t got = recv(s->fd, heard, sizeof heard, 0);
        if (got < 0 && errno == EAGAIN)
            return KE_PROGRESS_WAITING;
        if (got <= 0 || s->dribbled < hello(s, &octets))
            return cut(s);
    }
}

// Receives a response, which can only be an error, or the end of the connection.
static enum ke_progress hear_request(struct ke_session *s)
{
    ERR_clear_error();
    errno = 0;
    int got = SSL_read(s->tls, s->response, KE_ANSWER_MAX);
    if (got > 0)
        s->len = (size_t)got;
    return got > 0 ? cut(s) : ke_session_judge(s, got);
}

enum ke_progress ke_slow_hear(struct ke_session *s)
{
    return s->report.kind == KE_KIND_SLOW_HELLO ? hear_hello(s) : hear_request(s);
}

enum ke_outcome ke_slow_outcome(const struct ke_session *s)
{
    return s->report.outcome == KE_OUTCOME_OWN_LIMIT ? KE_OUTCOME_OWN_LIMIT : KE_OUTCOME_CUT;
}
