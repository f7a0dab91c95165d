#include "perf/ke/ke_session.h"

#include "base/bytes.h"

#include <errno.h>
#include <openssl/err.h>
#include <unistd.h>

enum ke_progress ke_session_decide(struct ke_session *s, enum ke_outcome outcome)
{
    s->report.outcome = outcome;
    s->report.times.ended_ns = ke_now_ns();
    ERR_clear_error();
    return KE_PROGRESS_DECIDED;
}

enum ke_progress ke_session_decide_error(struct ke_session *s, int error)
{
    s->report.error = error;
    switch (error) {
    case ECONNREFUSED:
        return ke_session_decide(s, KE_OUTCOME_REFUSED);
    case 0:
    case ECONNRESET:
    case EPIPE:
        return ke_session_decide(s, KE_OUTCOME_CLOSED_EARLY);
    case ETIMEDOUT:
        return ke_session_decide(s, KE_OUTCOME_TIMED_OUT);
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN: // connect: no free port
        return ke_session_decide(s, KE_OUTCOME_OWN_LIMIT);
    default:
        return ke_session_decide(s, KE_OUTCOME_UNREACHABLE);
    }
}

enum ke_progress ke_session_decide_tls(struct ke_session *s)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    s->report.tls = code;
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return ke_session_decide(s, KE_OUTCOME_CLOSED_EARLY);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        s->report.verify = SSL_get_verify_result(s->tls);
        return ke_session_decide(s, KE_OUTCOME_CERTIFICATE);
    }
    if (reason == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
        return ke_session_decide(s, KE_OUTCOME_ALPN);
    return ke_session_decide(s, KE_OUTCOME_TLS);
}

enum ke_progress ke_session_judge(struct ke_session *s, int result)
{
    int error = errno;
    switch (SSL_get_error(s->tls, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return KE_PROGRESS_WAITING;
    case SSL_ERROR_ZERO_RETURN:
        return ke_session_decide(s, KE_OUTCOME_CLOSED_EARLY);
    case SSL_ERROR_SYSCALL:
        return ke_session_decide_error(s, error);
    default:
        return ke_session_decide_tls(s);
    }
}

void ke_session_end(struct ke_session *s)
{
    SSL_free(s->tls); // which wipes its keys
    s->tls = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    bytes_wipe(s->response, s->len);
    s->len = 0;
}
