#include "control/ke/ke_connection.h"

#include "base/now.h"
#include "control/ke/ke_note.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRAIN_MAX = 64 * 1024 };

struct ke_connection *ke_connection_new(int fd, struct tls *tls)
{
    // OpenSSL's memory, as that of the session: wiped when freed, and given back to the system.
    struct ke_connection *c = OPENSSL_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->source = KE_SOURCE_CONNECTION;
    c->fd = fd;
    c->wire.fd = fd;
    c->began_ns = now_ns();
    c->session = tls_session(tls, &c->wire);
    if (!c->session) {
        OPENSSL_free(c);
        return NULL;
    }
    return c;
}

// Discards what the client sends after our end of the connection, because the kernel would answer
// unread octets with a RST, which could overtake our response. Ends at the client's FIN or when it
// sends too much.
static void drain(struct ke_connection *c)
{
    char nothing[4096];
    for (;;) {
        ssize_t n = recv(c->fd, nothing, sizeof nothing, 0);
        if (n > 0)
            c->drained += (uint32_t)n;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || c->drained >= DRAIN_MAX) {
            c->stage = KE_ENDED;
            return;
        }
    }
}

static void start_draining(struct ke_connection *c)
{
    SSL_free(c->session);
    c->session = NULL;
    c->wants_write = false;
    // What the client has sent meanwhile, epoll reports.
    c->stage = shutdown(c->fd, SHUT_WR) < 0 || c->wire.ended ? KE_ENDED : KE_DRAINING;
}

// Ends the exchange without an answer; an alert that OpenSSL has written is still sent.
static void give_up(struct ke_connection *c, struct ke_counters *counters, enum ke_counter end)
{
    ke_count(counters, end);
    start_draining(c);
}

static void start_answer(struct ke_connection *c, size_t len, enum ke_counter end)
{
    c->len = (uint32_t)len;
    c->end = end;
    c->stage = KE_ANSWERING;
}

// After a call that did not succeed: true when it must be repeated once the socket is ready.
static bool waits(struct ke_connection *c, int returned, int *error)
{
    *error = SSL_get_error(c->session, returned);
    c->wants_write = *error == SSL_ERROR_WANT_WRITE;
    if (*error != SSL_ERROR_WANT_READ && *error != SSL_ERROR_WANT_WRITE)
        return false;
    // To keep them would take 21 KiB for each connection that waits, all of it locked. OpenSSL's
    // own mode for this gives them back, wiped, after each record too. It keeps what is half full.
    SSL_free_buffers(c->session);
    return true;
}

// Clients on GnuTLS, and ntpsec, send Finished and the request as two small writes. Nagle's
// algorithm keeps the second one until the first is acknowledged, which our kernel puts off by
// 40 ms once we have sent something: so anew after each flight.
static void acknowledge_at_once(struct ke_connection *c)
{
    const int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    c->wire.sent = false;
}

// RFC 8446, section 6.2: an alert before the end. OpenSSL has not seen what is refused, and both
// sides speak plaintext still.
static void refuse_hello(struct ke_connection *c)
{
    static const uint8_t illegal_parameter[] = {21, 3, 3, 0, 2, 2, 47};
    // A client that does not read it loses no more than that.
    (void)!send(c->fd, illegal_parameter, sizeof illegal_parameter, MSG_NOSIGNAL | MSG_MORE);
}

static bool start_reading(struct ke_connection *c, struct ke_counters *counters)
{
    // Section 3: ALPN is required. OpenSSL asks nobody when the client offers none.
    if (!tls_speaks_ntske(c->session)) {
        c->end = KE_NO_ALPN;
        c->stage = KE_CLOSING;
        return true;
    }
    c->octets = OPENSSL_malloc(KE_REQUEST_MAX);
    c->stage = KE_READING;
    if (!c->octets)
        give_up(c, counters, KE_ABANDONED);
    return c->octets != NULL;
}

static bool handshake(struct ke_connection *c, struct ke_counters *counters)
{
    int error;
    int returned = SSL_accept(c->session);
    if (returned == 1) {
        ke_note_handshake(counters, c->session, now_ns() - c->began_ns);
        c->wire.corked = true; // answer, close_notify and FIN leave as one
        return start_reading(c, counters);
    }
    if (waits(c, returned, &error)) {
        if (c->wire.sent)
            acknowledge_at_once(c);
        if (!tls_wire_spent(&c->wire))
            return false;
        if (c->wire.refused)
            refuse_hello(c);
        error = SSL_ERROR_SSL;
    }
    give_up(c, counters, error == SSL_ERROR_SSL ? KE_NO_HANDSHAKE : KE_ABANDONED);
    return false;
}

static void answer_request(struct ke_connection *c, struct ke_responder *responder)
{
    struct ke_exchange exchange = {.kept = c->kept, .followed = c->len > c->framing.at};
    const size_t len =
        ke_responder_answer(responder, c->session, c->octets, c->framing.at, &exchange);
    c->kept |= exchange.keep;
    c->stays = exchange.keep;
    c->wire.corked = !exchange.keep; // nothing follows that it could leave with
    start_answer(c, len, exchange.end);
}

// A pool's connection after an answer: as new, but for its handshake.
static void await_next(struct ke_connection *c)
{
    c->len = 0;
    c->framing = (struct ke_framing){0};
    c->wire.received = 0;
    c->wire.key_updates = 0;
    c->stays = false;
    c->renewed = true;
    c->stage = KE_READING;
}

// A connection that stays owes nobody an answer between two requests, and may end there.
static bool is_idle(const struct ke_connection *c)
{
    return c->kept && c->stage == KE_READING && c->len == 0;
}

// Section 4: one request, which may arrive in pieces of any size.
static bool read_request(struct ke_connection *c, struct ke_responder *responder,
                         struct ke_counters *counters)
{
    int error;
    // The framing ends or is broken before the buffer is full, so there is always room.
    assert(c->len < KE_REQUEST_MAX);
    int returned = SSL_read(c->session, c->octets + c->len, (int)(KE_REQUEST_MAX - c->len));
    if (returned > 0) {
        c->len += (uint32_t)returned;
        ke_framing_advance(&c->framing, c->octets, c->len);
        if (c->framing.ended) {
            answer_request(c, responder);
        } else if (c->framing.broken) {
            start_answer(c, ke_error_write(KE_BAD_REQUEST, c->octets), KE_ERRED_REQUEST);
        }
        return true;
    }
    if (waits(c, returned, &error)) {
        if (!tls_wire_spent(&c->wire))
            return false;
        error = SSL_ERROR_ZERO_RETURN; // a flood: treated as no request
    }
    if (is_idle(c)) {
        if (error == SSL_ERROR_ZERO_RETURN)
            c->stage = KE_CLOSING;
        else
            give_up(c, counters, c->end);
        return c->stage == KE_CLOSING;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        // Section 4.1.3: a request that will never be complete is a bad request.
        start_answer(c, ke_error_write(KE_BAD_REQUEST, c->octets), KE_ERRED_REQUEST);
        return true;
    }
    give_up(c, counters, error == SSL_ERROR_SSL ? KE_ERRED_REQUEST : KE_ABANDONED);
    return false;
}

static bool answer(struct ke_connection *c, struct ke_counters *counters)
{
    int error;
    // The whole response in one TLS record: ntpsec up to 1.2.4 calls read only once.
    int returned = SSL_write(c->session, c->octets, (int)c->len);
    if (returned > 0) {
        if (c->stays)
            await_next(c);
        else
            c->stage = KE_CLOSING;
        return true;
    }
    if (!waits(c, returned, &error))
        give_up(c, counters, KE_ABANDONED);
    return false;
}

// RFC 8446, section 6.1: sends close_notify once, without waiting for the client's.
static void say_goodbye(struct ke_connection *c, struct ke_counters *counters)
{
    int error;
    int returned = SSL_shutdown(c->session);
    if (returned < 0 && waits(c, returned, &error))
        return;
    if (c->end == KE_COMPLETED)
        ke_count_time(&counters->exchange, now_ns() - c->began_ns);
    ke_count(counters, c->end);
    start_draining(c);
}

void ke_connection_turn(struct ke_connection *c, struct ke_responder *responder,
                        struct ke_counters *counters)
{
    bool on = true;
    c->wire.empty = false;
    while (on) {
        ERR_clear_error(); // SSL_get_error reads the thread's queue
        c->wants_write = false;
        switch (c->stage) {
        case KE_HANDSHAKING:
            on = handshake(c, counters);
            break;
        case KE_READING:
            on = read_request(c, responder, counters);
            break;
        case KE_ANSWERING:
            on = answer(c, counters);
            break;
        case KE_CLOSING:
            say_goodbye(c, counters);
            on = false;
            break;
        case KE_DRAINING:
            drain(c);
            on = false;
            break;
        case KE_ENDED:
            on = false;
            break;
        }
    }
}

void ke_connection_expire(struct ke_connection *c, struct ke_counters *counters)
{
    switch (c->stage) {
    case KE_HANDSHAKING:
        give_up(c, counters, KE_LATE_HANDSHAKE);
        break;
    case KE_READING:
        if (is_idle(c)) {
            c->stage = KE_CLOSING;
            ke_connection_turn(c, NULL, counters);
            break;
        }
        // Section 4.1.3: a timeout counts as a bad request too.
        start_answer(c, ke_error_write(KE_BAD_REQUEST, c->octets), KE_LATE_REQUEST);
        ke_connection_turn(c, NULL, counters);
        break;
    case KE_ANSWERING:
    case KE_CLOSING:
        give_up(c, counters, KE_ABANDONED);
        break;
    case KE_DRAINING:
        drain(c);
        c->stage = KE_ENDED;
        break;
    case KE_ENDED:
        break;
    }
}

void ke_connection_free(struct ke_connection *c)
{
    if (!c)
        return;
    SSL_free(c->session);
    close(c->fd);
    OPENSSL_free(c->octets);
    OPENSSL_free(c->header);
    OPENSSL_free(c);
}
