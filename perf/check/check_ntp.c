#include "perf/check/check_ntp.h"

#include "base/bytes.h"
#include "base/now.h"
#include "base/ntp_time.h"
#include "dataplane/wire/ntp.h"
#include "perf/check/check_id.h"
#include "perf/load/client.h"
#include "perf/load/reply.h"
#include "perf/load/request.h"
#include "perf/load/utc.h"
#include "perf/target.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    REPLY_TIMEOUT_MS = 1000,
    REQUEST_MAX = 2048,
    PACKET_MAX = 2048,
};

static_assert(REQUEST_COOKIE_AT + (CHECK_EXCHANGES + 1) * (CLIENT_COOKIE_MAX + 4) + 64 +
                      FIELD_HEADER_LEN + FIELD_INSTANCE_ID_LEN <=
                  REQUEST_MAX,
              "the longest request fits");
static_assert((int)CHECK_ID_MAX == (int)FIELD_INSTANCE_ID_LEN, "an id fits");

// The state of one check's requests.
struct asker {
    int fd;
    uint64_t timeout_ns;
    bool asks_id;
    const struct ke_grant *grant; // NULL: none
    unsigned n_cookies;           // unused ones
    uint8_t cookie[CLIENT_JAR][CLIENT_COOKIE_MAX];
};

// One request and what belongs to it.
struct question {
    struct slot slot;
    const struct aead *aead; // NULL: a plain request
    uint8_t octets[REQUEST_MAX];
    uint8_t packet[PACKET_MAX];
    uint64_t arrived_ns; // since 1970: the kernel's stamp
};

static int64_t span_to_ns(int64_t span)
{
    return (span >> 32) * NS_PER_S + (int64_t)((((uint64_t)span & UINT32_MAX) * NS_PER_S) >> 32);
}

// NTP's short format has a unit of 2^-16 s.
static int64_t short_to_ns(uint32_t span)
{
    return (int64_t)(((uint64_t)span * NS_PER_S) >> 16);
}

static ntp_time ntp_of(uint64_t ns_since_1970)
{
    return ntp_time_from_unix((int64_t)(ns_since_1970 / NS_PER_S),
                              (uint32_t)(ns_since_1970 % NS_PER_S));
}

static bool random_octets(void *at, size_t n)
{
    return getrandom(at, n, 0) == (ssize_t)n;
}

// Prefers the kernel's time of arrival to that of the system call.
static uint64_t stamp_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
        }
    return utc_now_ns();
}

// The length of a datagram with the request's origin timestamp; 0 when it is none; -errno.
static int receive(const struct asker *asker, struct question *q)
{
    alignas(struct cmsghdr) uint8_t control[64];
    struct iovec part = {q->packet, sizeof q->packet};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(asker->fd, &message, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    q->arrived_ns = stamp_of(&message);
    if (!reply_has_length((uint32_t)got) || reply_origin(q->packet) != q->slot.transmit)
        return 0;
    return (int)got;
}

// Sends a request and waits for its reply. Its length, 0 for none, or -errno.
static int ask(const struct asker *asker, struct question *q)
{
    q->slot.sent_ns = utc_now_ns();
    if (send(asker->fd, q->octets, q->slot.len, 0) < 0)
        return -errno;
    uint64_t end = now_ns() + asker->timeout_ns;
    for (uint64_t now = now_ns(); now < end; now = now_ns()) {
        struct pollfd fd = {.fd = asker->fd, .events = POLLIN};
        poll(&fd, 1, (int)((end - now) / 1000000) + 1);
        int got = receive(asker, q);
        if (got != 0)
            return got;
    }
    return 0;
}

static void note_time(const struct question *q, const struct reply *reply, struct check_exchange *e)
{
    const uint8_t *packet = q->packet;
    ntp_time sent = ntp_of(q->slot.sent_ns), arrived = ntp_of(q->arrived_ns);
    // RFC 5905, section 8.
    int64_t there = span_to_ns((int64_t)(reply->receive - sent));
    int64_t back = span_to_ns((int64_t)(reply->transmit - arrived));
    e->residence_ns = span_to_ns((int64_t)(reply->transmit - reply->receive));
    e->offset_ns = there / 2 + back / 2;
    e->delay_ns = span_to_ns((int64_t)(arrived - sent)) - e->residence_ns;
    e->leap = packet[NTP_LEAP_VERSION_MODE] >> 6;
    e->stratum = packet[NTP_STRATUM];
    e->reference_id = be32_get(packet + NTP_REFERENCE_ID);
    e->root_delay_ns = short_to_ns(be32_get(packet + NTP_ROOT_DELAY));
    e->root_dispersion_ns = short_to_ns(be32_get(packet + NTP_ROOT_DISPERSION));
}

// Verifies the authenticator and takes the cookies. The name of what is wrong is an item's.
static enum tally_item unseal(struct asker *asker, const struct question *q,
                              const struct reply *reply, struct check_exchange *e)
{
    uint8_t plain[PACKET_MAX];
    const uint8_t *cookies[CLIENT_JAR];
    const struct authenticator *seal = &reply->seal;
    struct bytes_span ad = {q->packet, reply->covered};
    struct bytes_span nonce = {q->packet + seal->nonce_at, seal->nonce_len};
    if (!q->aead->open(asker->grant->s2c, ad, nonce, q->packet + seal->sealed_at, seal->sealed_len,
                       plain))
        return TALLY_WRONG_TAG;
    if (!reply_cookies(plain, seal->sealed_len - q->aead->lengths->tag, asker->grant->cookie_len,
                       e->asked, cookies, &e->n_cookies))
        return TALLY_WRONG_COOKIES;
    if (asker->asks_id)
        check_id_find(q->packet, reply->covered, e->id);
    for (unsigned i = 0; i < e->n_cookies && asker->n_cookies < CLIENT_JAR; i++)
        memcpy(asker->cookie[asker->n_cookies++], cookies[i], asker->grant->cookie_len);
    return TALLY_ANSWERED;
}

static void judge(struct asker *asker, const struct question *q, uint32_t len,
                  struct check_exchange *e)
{
    struct reply reply;
    enum tally_item item = reply_examine(q->packet, len, &q->slot, q->aead, &reply);
    e->reply_len = len;
    if (item == TALLY_ANSWERED && reply.sealed)
        item = unseal(asker, q, &reply, e);
    if (len > q->slot.len)
        snprintf(e->why, sizeof e->why, "longer than the request: %u octets for %u", len,
                 q->slot.len);
    else if (item != TALLY_ANSWERED && item != TALLY_NAK)
        snprintf(e->why, sizeof e->why, "%s", tally_rows[item].text);
    e->reply = item == TALLY_ANSWERED                      ? CHECK_REPLY_TIME
               : item == TALLY_NAK                         ? CHECK_REPLY_NAK
               : tally_rows[item].group == TALLY_OF_KISSES ? CHECK_REPLY_KISS
                                                           : CHECK_REPLY_WRONG;
    if (item == TALLY_ANSWERED)
        note_time(q, &reply, e);
}

static void exchange(struct asker *asker, struct question *q, struct check_exchange *e)
{
    e->request_len = q->slot.len;
    int got = ask(asker, q);
    if (got > 0)
        judge(asker, q, (uint32_t)got, e);
    else if (got == -ECONNREFUSED)
        e->reply = CHECK_REPLY_REFUSED;
    else if (got < 0)
        snprintf(e->why, sizeof e->why, "%s", strerror(-got));
    else
        e->reply = CHECK_REPLY_NONE;
    if (got < 0 && got != -ECONNREFUSED)
        e->reply = CHECK_REPLY_NOT_SENT;
}

static void ask_plain(struct asker *asker, struct check_exchange *e)
{
    struct question q = {0};
    if (!random_octets(&q.slot.transmit, sizeof q.slot.transmit))
        return;
    q.slot.len = request_plain(q.octets, q.slot.transmit, 0);
    exchange(asker, &q, e);
}

// An NTS request for so many cookies, with the newest cookie, which is used up. spoiled: one octet
// of the cookie is wrong, though the authenticator is right.
static void ask_nts(struct asker *asker, unsigned asked, bool spoiled, struct check_exchange *e)
{
    struct question q = {.aead = asker->grant->aead};
    uint8_t nonce[64];
    const struct aead_lengths *lengths = q.aead->lengths;
    uint32_t cookie_len = asker->grant->cookie_len;
    if (asker->n_cookies == 0 || !random_octets(&q.slot.transmit, sizeof q.slot.transmit) ||
        !random_octets(q.slot.uid, sizeof q.slot.uid) || !random_octets(nonce, lengths->nonce))
        return;
    e->asked = asked;
    q.slot.asked = asked & 15;
    uint8_t *cookie = asker->cookie[--asker->n_cookies];
    cookie[cookie_len - 1] ^= spoiled ? 0x55 : 0;
    uint16_t covered =
        request_nts(q.octets, q.slot.transmit, q.slot.uid, cookie, cookie_len, asked - 1, lengths);
    if (asker->asks_id)
        covered = check_id_ask(q.octets, covered);
    uint8_t *at = q.octets + covered + REQUEST_NONCE_AT;
    memcpy(at, nonce, lengths->nonce);
    q.aead->seal(asker->grant->c2s, (struct bytes_span){q.octets, covered},
                 (struct bytes_span){nonce, lengths->nonce}, NULL, 0, at + lengths->nonce);
    q.slot.len = (uint16_t)(covered + request_seal_len(lengths));
    exchange(asker, &q, e);
}

static void ask_all(struct asker *asker, struct check_ntp *ntp)
{
    bool served = false;
    for (unsigned i = 0; asker->grant && i < CHECK_EXCHANGES; i++) {
        // One cookie, two, three: also a server that ignores placeholders is noticed.
        ask_nts(asker, i + 1, false, &ntp->exchange[i]);
        served |= ntp->exchange[i].reply == CHECK_REPLY_TIME;
        // The port is closed, or the keys are unknown: the same again would say the same.
        if (!served && ntp->exchange[i].reply != CHECK_REPLY_NONE)
            break;
    }
    if (served)
        ask_nts(asker, 1, true, &ntp->spoiled);
    ask_plain(asker, &ntp->plain);
}

static int open_socket(const struct sockaddr_storage *server)
{
    const int on = 1;
    socklen_t len =
        server->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(server->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    // Connected, so that the kernel reports ICMP errors and drops what others send.
    if (connect(fd, (const struct sockaddr *)server, len) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

void check_ntp(const struct check_plan *plan, const struct ke_grant *grant,
               const struct sockaddr_storage *server, struct check_ntp *ntp)
{
    struct asker asker = {.grant = grant,
                          .asks_id = plan->asks_id,
                          .timeout_ns = plan->timeout_ns ? plan->timeout_ns
                                                         : REPLY_TIMEOUT_MS * UINT64_C(1000000)};
    target_text(server, ntp->address);
    ntp->port = target_port(server);
    asker.fd = open_socket(server);
    if (asker.fd < 0) {
        snprintf(ntp->fault, sizeof ntp->fault, "%s port %u: %s; is there a route to it?",
                 ntp->address, ntp->port, strerror(-asker.fd));
        return;
    }
    for (; grant && asker.n_cookies < grant->n_cookies; asker.n_cookies++)
        memcpy(asker.cookie[asker.n_cookies], grant->cookie[asker.n_cookies], CLIENT_COOKIE_MAX);
    ask_all(&asker, ntp);
    close(asker.fd);
}
