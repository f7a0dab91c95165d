// See lab_server.h. A cookie names its key, then itself, its client and the client's session: the
// other data of a cookie can be computed from these. RFC 8915, section 5.7.
#include "tests/perf/load/lab_server.h"

#include "base/bytes.h"
#include "base/now.h"
#include "crypto/siv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEY_ID = 0x4c414221, UID_AT = 48, COOKIE_AT = 84, NTSN = 0x4e54534e };

static void key_of(uint32_t client, uint8_t generation, bool s2c, uint8_t key[SIV_KEY_LEN])
{
    for (unsigned i = 0; i < SIV_KEY_LEN; i++)
        key[i] = (uint8_t)(client * 7 + i * 31 + generation * 101U + (s2c ? 128 : 0));
}

static void put_cookie(struct lab *lab, uint32_t client, uint8_t *at, size_t len)
{
    memset(at, 0x33, len);
    be32_put(at, KEY_ID);
    be32_put(at + 4, lab->n_given);
    be32_put(at + 8, client);
    at[12] = lab->generation[client];
    assert_true(lab->n_given < LAB_COOKIES_MAX);
    lab->spent[lab->n_given++] = 0;
}

void lab_equip(struct lab *lab, struct clients *clients, uint32_t client)
{
    uint8_t keys[2][AEAD_KEY_MAX], octets[CLIENT_JAR][CLIENT_COOKIE_MAX];
    const uint8_t *cookies[CLIENT_JAR];
    lab->generation[client]++;
    lab->n_sessions++;
    for (unsigned i = 0; i < CLIENT_JAR; i++) {
        put_cookie(lab, client, octets[i], clients->cookie_len);
        cookies[i] = octets[i];
    }
    key_of(client, lab->generation[client], false, keys[0]);
    key_of(client, lab->generation[client], true, keys[1]);
    clients_equip(clients, client, keys[0], keys[1], cookies, CLIENT_JAR);
}

// The parsed request.
struct asked {
    const uint8_t *request;
    uint32_t len;
    bool nts;
    uint32_t client;
    uint8_t generation;
    unsigned cookies; // 1 + placeholders
    size_t cookie_len;
    enum lie lie;
};

static struct lab_reply *new_reply(const struct lab *lab, const struct asked *a, uint32_t endpoint)
{
    struct lab_reply *r = calloc(1, sizeof *r);
    assert_non_null(r);
    *r = (struct lab_reply){
        .transmit = be64_get(a->request + 40),
        .ready_ns = now_ns() + lab->delay_ns,
        .endpoint = endpoint,
        .len = 48,
    };
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t now =
        ((uint64_t)t.tv_sec + 2208988800) << 32 | ((uint64_t)t.tv_nsec << 32) / 1000000000;
    r->payload[0] = 0x24;
    r->payload[1] = 1;
    r->payload[3] = (uint8_t)-30; // 1 ns
    memcpy(r->payload + 12, "GPS", 4);
    memcpy(r->payload + 24, a->request + 40, 8);
    be64_put(r->payload + 32, now);
    be64_put(r->payload + 40, now + 4096);
    return r;
}

static void queue(struct lab *lab, struct lab_reply *r)
{
    r->next = NULL;
    *lab->end = r;
    lab->end = &r->next;
}

static void put_uid(struct lab_reply *r, const struct asked *a)
{
    memcpy(r->payload + UID_AT, a->request + UID_AT, 36);
    r->len = UID_AT + 36;
}

// The plaintext: cookies, with the number and length of the wrong reply.
static size_t put_plain(struct lab *lab, const struct asked *a, uint8_t *plain)
{
    unsigned n = a->cookies < lab->cookies_max ? a->cookies : lab->cookies_max;
    size_t len = a->cookie_len - (a->lie == LIE_SHORT_COOKIES ? 4 : 0);
    n += a->lie == LIE_ONE_MORE;
    if (a->lie == LIE_NO_COOKIE)
        return 0;
    size_t at = 0;
    for (unsigned i = 0; i < n; i++, at += 4 + len) {
        be16_put(plain + at, a->lie == LIE_NO_COOKIE_FIELDS ? 0x7777 : 0x0204);
        be16_put(plain + at + 2, (uint16_t)(4 + len));
        put_cookie(lab, a->client, plain + at + 4, len);
    }
    return at;
}

static void put_seal(struct lab *lab, struct lab_reply *r, const struct asked *a)
{
    uint8_t key[SIV_KEY_LEN], plain[2048];
    uint8_t *field = r->payload + r->len;
    size_t n = put_plain(lab, a, plain);
    size_t whole = 8 + lab->nonce_len + 16 + n;
    assert_true(r->len + whole <= PATH_PAYLOAD_MAX);
    be16_put(field, 0x0404);
    be16_put(field + 2, (uint16_t)whole);
    be16_put(field + 4, (uint16_t)lab->nonce_len);
    be16_put(field + 6, (uint16_t)(16 + n));
    rng_fill(&lab->rng, field + 8, lab->nonce_len);
    key_of(a->client, a->generation, a->lie != LIE_WRONG_KEY, key);
    siv_seal(key, (struct bytes_span){r->payload, r->len},
             (struct bytes_span){field + 8, lab->nonce_len}, plain, n, field + 8 + lab->nonce_len);
    r->len = (uint16_t)(r->len + whole);
}

static void make_kiss(struct lab_reply *r, const struct asked *a, uint32_t code)
{
    memset(r->payload + 32, 0, 16);
    r->payload[0] |= 0xc0;
    r->payload[1] = 0;
    be32_put(r->payload + 12, code);
    r->len = 48;
    if (a->nts && a->lie != LIE_KISS_BARE)
        put_uid(r, a);
}

// Wrong values that are set before the reply is sealed.
static void bend(const struct lab *lab, struct lab_reply *r, enum lie lie)
{
    uint64_t receive = be64_get(r->payload + 32);
    if (lie == LIE_STALE)
        be64_put(r->payload + 24, lab->last_transmit);
    if (lie == LIE_NO_RECEIVE)
        memset(r->payload + 32, 0, 8);
    if (lie == LIE_NO_TRANSMIT)
        memset(r->payload + 40, 0, 8);
    if (lie == LIE_BACKWARDS)
        be64_put(r->payload + 40, receive - 4295);
    if (lie == LIE_EARLY)
        be64_put(r->payload + 32, receive - (UINT64_C(1) << 32));
    if (lie == LIE_AHEAD)
        be64_put(r->payload + 40, receive + (UINT64_C(1) << 32));
    if (lie == LIE_OTHER_UID)
        r->payload[UID_AT + 20] ^= 1;
}

// And those on the whole.
static void spoil(struct lab *lab, struct lab_reply *r, enum lie lie)
{
    if (lie == LIE_FLIP)
        r->payload[lab->octet] ^= 1;
    if (lie == LIE_CUT)
        r->len = (uint16_t)lab->octet;
    if (lie == LIE_GROW)
        r->len = (uint16_t)(r->len + lab->octet);
    if (lie == LIE_ASTRAY || lie == LIE_LATE_ASTRAY)
        r->endpoint = (r->endpoint + 1) % lab->path.n_endpoints;
    r->given_up = lie == LIE_LATE || lie == LIE_LATE_ASTRAY;
    if (lie != LIE_AGAIN && lie != LIE_AGAIN_LATER)
        return;
    struct lab_reply *again = malloc(sizeof *again);
    assert_non_null(again);
    *again = *r;
    again->settled = lie == LIE_AGAIN_LATER;
    queue(lab, again);
}

static void answer(struct lab *lab, const struct asked *a, uint32_t endpoint)
{
    struct lab_reply *r = new_reply(lab, a, endpoint);
    if (a->lie == LIE_KISS || a->lie == LIE_KISS_BARE) {
        make_kiss(r, a, lab->kiss);
    } else {
        if (a->nts)
            put_uid(r, a);
        bend(lab, r, a->lie);
        if (a->nts && a->lie != LIE_UNSEALED)
            put_seal(lab, r, a);
    }
    spoil(lab, r, a->lie);
    queue(lab, r);
}

static void refuse(struct lab *lab, const struct asked *a, uint32_t endpoint)
{
    struct lab_reply *r = new_reply(lab, a, endpoint);
    make_kiss(r, a, NTSN);
    queue(lab, r);
}

// The next wrong reply, or none.
static enum lie choose(struct lab *lab)
{
    unsigned n = lab->n_nts + lab->n_plain;
    bool lies = lab->every > 0 && n <= lab->until && n % lab->every == 0;
    if (!lies || lab->lie == LIE_GENUINE)
        return LIE_NONE;
    lab->n_lies += lab->lie != LIE_NONE;
    return lab->lie;
}

static void serve_plain(struct lab *lab, struct asked *a, uint32_t endpoint)
{
    uint64_t origin = be64_get(a->request + 24);
    lab->n_plain++;
    a->lie = choose(lab);
    if (a->lie == LIE_SILENCE)
        return;
    lab->n_asked_interleaved += origin != 0;
    bool grants = origin != 0 && lab->grants_interleaved && a->lie == LIE_NONE;
    if (!grants) {
        answer(lab, a, endpoint);
        return;
    }
    // RFC 9769: the receive timestamp as origin, the transmit timestamp of the reply before.
    assert_true(be64_get(a->request + 32) != be64_get(a->request + 40)); // IL-1
    struct lab_reply *r = new_reply(lab, a, endpoint);
    memcpy(r->payload + 24, a->request + 32, 8);
    be64_put(r->payload + 40, origin + 4096);
    queue(lab, r);
}

static void serve_nts(struct lab *lab, struct asked *a, uint32_t endpoint)
{
    const uint8_t *cookie = a->request + COOKIE_AT + 4;
    uint32_t serial = be32_get(cookie + 4);
    uint32_t covered = (uint32_t)(COOKIE_AT + a->cookies * (4 + a->cookie_len));
    bool lies = lab->lie == LIE_GENUINE;
    uint8_t key[SIV_KEY_LEN];
    a->client = be32_get(cookie + 8);
    a->generation = cookie[12];
    assert_int_equal(a->len, covered + 40);
    assert_true(a->client < lab->clients.n && serial < lab->n_given);
    if (be32_get(cookie) != KEY_ID) {
        lab->n_unknown++;
        lab->n_lies += lies;
        (lies ? answer : refuse)(lab, a, endpoint);
        return;
    }
    key_of(a->client, a->generation, false, key);
    if (!siv_open(key, (struct bytes_span){a->request, covered},
                  (struct bytes_span){a->request + covered + 8, 16}, a->request + covered + 24, 16,
                  NULL)) {
        lab->n_bad_tag++;
        lab->n_lies += lies;
        (lies ? answer : refuse)(lab, a, endpoint);
        return;
    }
    lab->n_nts++;
    lab->n_placeholders += a->cookies - 1;
    lab->n_twice += lab->spent[serial];
    lab->spent[serial] = 1;
    a->lie = choose(lab);
    if (a->lie != LIE_SILENCE)
        answer(lab, a, endpoint);
    lab->last_transmit = be64_get(a->request + 40);
}

void lab_serve(struct lab *lab, const uint8_t *request, uint32_t len, uint32_t endpoint)
{
    struct asked a = {.request = request, .len = len, .cookies = 1};
    lab->n_requests++;
    lab->first_ns = lab->first_ns ? lab->first_ns : now_ns();
    assert_int_equal(request[0], 0x23);
    if (len == 48) {
        serve_plain(lab, &a, endpoint);
        return;
    }
    if (be32_get(request + 48) != 0x01040024) {
        lab->n_garbage++;
        lab->n_lies += lab->lie == LIE_GENUINE;
        if (lab->lie == LIE_GENUINE)
            answer(lab, &a, endpoint);
        return;
    }
    a.nts = true;
    assert_int_equal(be16_get(request + COOKIE_AT), 0x0204);
    a.cookie_len = be16_get(request + COOKIE_AT + 2) - 4U;
    assert_int_equal(a.cookie_len, lab->clients.cookie_len);
    while (be16_get(request + COOKIE_AT + a.cookies * (4 + a.cookie_len)) == 0x0304)
        a.cookies++;
    serve_nts(lab, &a, endpoint);
}
