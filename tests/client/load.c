// See load.h.
#include "tests/client/load.h"

#include "base/bytes.h"
#include "tests/client/octets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    RING = 1 << 17, // requests remembered: more than six seconds at the highest rate
    UID_LEN = 32,
};

// A request that may yet be answered. Its place in the ring stands in the identifier's first
// octets.
struct pending {
    bool open;
    bool counted; // as lost or answered
    uint32_t client;
    unsigned asked;
    uint64_t sent_ns;
    size_t len;
    uint8_t header[NTP_HEADER_LEN];
    uint8_t uid[UID_LEN];
    uint8_t cookie[LOAD_COOKIE_MAX];
};

struct load {
    const struct load_plan *plan;
    struct load_report *report;
    int fd[LOAD_SOCKETS_MAX];
    struct pending *ring;
    uint64_t n_sent;
    uint32_t *latency_us;
    uint64_t n_latency, room_latency;
    uint64_t start_ns, last_ok_ns;
};

static int open_sockets(struct load *l)
{
    for (unsigned i = 0; i < l->plan->n_sockets; i++) {
        int fd = socket(l->plan->server.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            return -errno;
        l->fd[i] = fd;
        int room = 4 << 20;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        if (connect(fd, (const struct sockaddr *)&l->plan->server, l->plan->server_len) != 0)
            return -errno;
    }
    return 0;
}

static void compose(struct load *l, uint32_t place, uint32_t who, struct packet *p)
{
    struct load_client *c = &l->plan->client[who];
    struct pending *slot = &l->ring[place];
    if (c->n_cookies > 0)
        memcpy(c->spent, c->jar[--c->n_cookies], c->cookie_len);
    else
        l->report->reused++;
    packet_start(p, 4, 3);
    p->at[2] = 4;
    octets_random(slot->uid, UID_LEN);
    be32_put(slot->uid, place);
    packet_field(p, EF_UNIQUE_ID, slot->uid, UID_LEN);
    packet_field(p, EF_COOKIE, c->spent, c->cookie_len);
    unsigned wanted = LOAD_JAR - c->n_cookies;
    for (unsigned i = 1; i < wanted; i++)
        packet_field(p, EF_PLACEHOLDER, NULL, c->cookie_len);
    struct seal_shape shape = packet_authenticator_plain();
    packet_authenticate(p, &shape, c->c2s, NULL, 0);
    slot->client = who;
    slot->asked = wanted;
    slot->len = p->len;
    memcpy(slot->header, p->at, NTP_HEADER_LEN);
    memcpy(slot->cookie, c->spent, c->cookie_len);
}

static void ask(struct load *l)
{
    static struct packet p;
    uint32_t place = (uint32_t)(l->n_sent % RING);
    struct pending *slot = &l->ring[place];
    if (slot->open)
        l->report->lost++;
    slot->open = false;
    uint32_t who = (uint32_t)(l->n_sent % l->plan->n_clients);
    compose(l, place, who, &p);
    slot->sent_ns = now_ns();
    int fd = l->fd[who % l->plan->n_sockets];
    ssize_t n = send(fd, p.at, p.len, 0);
    if (n < 0 && (errno == ECONNREFUSED || errno == EHOSTUNREACH)) { // an ICMP error of the past
        l->report->refused++;
        n = send(fd, p.at, p.len, 0);
    }
    l->n_sent++;
    if (n < 0) {
        l->report->unsent++;
        return;
    }
    slot->open = true;
    l->report->sent++;
}

static void remember_key(struct load_report *r, const uint8_t *cookie)
{
    uint32_t id = be32_get(cookie);
    for (unsigned i = 0; i < r->n_keys; i++)
        if (r->key[i] == id)
            return;
    if (r->n_keys < LOAD_KEYS_MAX)
        r->key[r->n_keys++] = id;
}

// The time since the last verified reply, if it is the longest yet.
static void gap(struct load *l, uint64_t at_ns)
{
    double ms = (double)(at_ns - l->last_ok_ns) / 1e6;
    if (ms > l->report->gap_ms) {
        l->report->gap_ms = ms;
        l->report->gap_at_s = (double)(l->last_ok_ns - l->start_ns) / 1e9;
    }
}

static void verified(struct load *l, const struct pending *slot, const struct reply *reply,
                     uint64_t at_ns)
{
    struct load_client *c = &l->plan->client[slot->client];
    for (unsigned i = 0; i < reply->n_cookies; i++) {
        remember_key(l->report, reply->cookie[i]);
        if (c->n_cookies < LOAD_JAR)
            memcpy(c->jar[c->n_cookies++], reply->cookie[i], c->cookie_len);
    }
    l->report->cookies += reply->n_cookies;
    l->report->verified++;
    gap(l, at_ns);
    l->last_ok_ns = at_ns;
}

static void wrong(struct load *l, const char *why)
{
    l->report->wrong++;
    if (l->report->why[0] == '\0')
        l->report->why = why;
}

static void hear(struct load *l, const uint8_t *octets, size_t len)
{
    static struct reply reply;
    uint64_t at_ns = now_ns();
    uint32_t place = RING;
    if (len >= NTP_HEADER_LEN + EF_HEADER_LEN + UID_LEN)
        place = be32_get(octets + NTP_HEADER_LEN + EF_HEADER_LEN);
    struct pending *slot = place < RING ? &l->ring[place] : NULL;
    if (slot == NULL || !slot->open ||
        memcmp(slot->uid, octets + NTP_HEADER_LEN + EF_HEADER_LEN, UID_LEN) != 0) {
        l->report->stray++; // a second answer, or one to nobody
        return;
    }
    slot->open = false;
    l->report->answered++;
    const struct load_client *c = &l->plan->client[slot->client];
    struct ask want = {
        .request = slot->header,
        .request_len = slot->len,
        .uid = slot->uid,
        .uid_len = UID_LEN,
        .s2c = c->s2c,
        .cookie = slot->cookie,
        .cookie_len = c->cookie_len,
        .cookies_asked = slot->asked,
    };
    reply_read(&want, octets, len, &reply);
    uint64_t us = (at_ns - slot->sent_ns) / 1000;
    if (us > (uint64_t)l->plan->late_ms * 1000)
        l->report->late++;
    if (l->n_latency < l->room_latency)
        l->latency_us[l->n_latency++] = (uint32_t)us;
    if (reply.kind == REPLY_AUTHENTICATED && reply.n_cookies != slot->asked)
        wrong(l, "another number of cookies than asked for");
    else if (reply.kind == REPLY_AUTHENTICATED)
        verified(l, slot, &reply, at_ns);
    else if (reply.kind == REPLY_NAK)
        l->report->nak++;
    else if (reply.kind == REPLY_KISS)
        l->report->kiss++;
    else if (reply.kind == REPLY_PLAIN)
        l->report->plain++;
    else
        wrong(l, reply.why);
}

// Reads all that has arrived, waiting for at most wait_ns for the first.
static void listen_for(struct load *l, uint64_t wait_ns)
{
    struct pollfd ready[LOAD_SOCKETS_MAX];
    for (unsigned i = 0; i < l->plan->n_sockets; i++)
        ready[i] = (struct pollfd){.fd = l->fd[i], .events = POLLIN};
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000),
                            .tv_nsec = (long)(wait_ns % 1000000000)};
    if (ppoll(ready, l->plan->n_sockets, &wait, NULL) <= 0)
        return;
    uint8_t octets[PACKET_MAX];
    for (unsigned i = 0; i < l->plan->n_sockets; i++) {
        if (ready[i].revents == 0)
            continue;
        ssize_t n;
        for (unsigned turns = 0; turns < 256; turns++) {
            n = recv(l->fd[i], octets, sizeof octets, 0);
            if (n >= 0) {
                hear(l, octets, (size_t)n);
                continue;
            }
            if (errno == EAGAIN)
                break;
            l->report->refused++; // ICMP
        }
    }
}

static void run(struct load *l)
{
    uint64_t period_ns = 1000000000U / l->plan->rate;
    uint64_t end_ns = l->start_ns + (uint64_t)(l->plan->seconds * 1e9);
    uint64_t tell_ns = l->start_ns + 1000000000U;
    uint64_t due_ns = l->start_ns;
    for (uint64_t now = l->start_ns; now < end_ns && !*l->plan->stop; now = now_ns()) {
        for (unsigned burst = 0; due_ns <= now && burst < 32; burst++) {
            ask(l);
            due_ns += period_ns;
        }
        now = now_ns();
        listen_for(l, due_ns > now ? due_ns - now : 0);
        if (l->plan->progress && now >= tell_ns) {
            fprintf(stderr, "%.0f s: sent %lu, verified %lu, nak %lu, wrong %lu\n",
                    (double)(now - l->start_ns) / 1e9, l->report->sent, l->report->verified,
                    l->report->nak, l->report->wrong);
            tell_ns += 1000000000U;
        }
    }
    l->report->seconds = (double)(now_ns() - l->start_ns) / 1e9;
    gap(l, now_ns()); // a server that never came back
    end_ns = now_ns() + (uint64_t)l->plan->linger_ms * 1000000U;
    for (uint64_t now = now_ns(); now < end_ns && l->report->answered < l->report->sent;
         now = now_ns())
        listen_for(l, end_ns - now);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void settle(struct load *l)
{
    for (unsigned i = 0; i < RING; i++)
        l->report->lost += l->ring[i].open;
    if (l->n_latency > 0) {
        qsort(l->latency_us, l->n_latency, sizeof l->latency_us[0], compare);
        l->report->median_us = l->latency_us[l->n_latency / 2];
        l->report->p99_us = l->latency_us[l->n_latency * 99 / 100];
        l->report->max_us = l->latency_us[l->n_latency - 1];
    }
    for (unsigned i = 0; i < l->plan->n_sockets; i++) {
        uint32_t info[SK_MEMINFO_VARS] = {0};
        socklen_t len = sizeof info;
        if (getsockopt(l->fd[i], SOL_SOCKET, SO_MEMINFO, info, &len) == 0)
            l->report->own_drops += info[SK_MEMINFO_DROPS];
    }
}

int load_run(const struct load_plan *plan, struct load_report *report)
{
    static struct load l;
    memset(report, 0, sizeof *report);
    memset(&l, 0, sizeof l);
    report->why = "";
    l.plan = plan;
    l.report = report;
    l.ring = calloc(RING, sizeof *l.ring);
    l.room_latency = (uint64_t)(plan->rate * plan->seconds) + 1;
    l.latency_us = calloc(l.room_latency, sizeof l.latency_us[0]);
    int rc = l.ring == NULL || l.latency_us == NULL ? -ENOMEM : open_sockets(&l);
    if (rc == 0) {
        l.start_ns = l.last_ok_ns = now_ns();
        run(&l);
        settle(&l);
    }
    for (unsigned i = 0; i < plan->n_sockets; i++)
        if (l.fd[i] > 0)
            close(l.fd[i]);
    free(l.ring);
    free(l.latency_us);
    return rc;
}
