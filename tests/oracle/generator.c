// See generator.h.
#include "tests/oracle/generator.h"

#include "base/bytes.h"
#include "tests/client/octets.h"

// What is done to an otherwise right NTS request.
enum fault {
    FAULT_NONE,
    FAULT_NO_UID,
    FAULT_NO_COOKIE,
    FAULT_NO_SEAL,
    FAULT_TWO_UIDS,
    FAULT_TWO_COOKIES,
    FAULT_UID_SHORT,
    FAULT_UID_LONG,
    FAULT_COOKIE_LENGTH,
    FAULT_KEY_ID,
    FAULT_COOKIE_BIT,
    FAULT_SEAL_BIT,
    FAULT_SEAL_ZERO,
    FAULT_DATA_BIT,  // of what the seal covers
    FAULT_DATA_SPAN, // the seal covers four octets more or less
    FAULT_DIRECTION, // sealed under S2C
    FAULT_LENGTHS,   // the authenticator's, off by little
    FAULT_LENGTHS_FAR,
    FAULT_FIT, // exactly, but for the lengths' own four octets
    FAULT_UNPADDED,
    FAULT_NO_NONCE,
    FAULT_CONTENT,
    FAULT_NESTED,
    FAULT_MAC,
    FAULT_CRYPTO_NAK,
    FAULT_REMAINDER,
    FAULT_MANY,
    FAULT_TRUNCATED,
    FAULT_OCTETS,
    FAULT_FIRST, // version and mode
    FAULT_FIELD_LENGTH,
    FAULTS,
};

// A request on its way.
struct draft {
    const struct reference_ring *ring;
    enum fault fault;
    struct packet p;
    uint8_t c2s[SEAL_KEY_LEN];
    uint8_t s2c[SEAL_KEY_LEN];
    size_t cookie_at; // 0: none
    size_t seal_at;   // of the authenticator's header, 0: none
};

unsigned generator_pick(unsigned n)
{
    uint32_t v;
    octets_random(&v, sizeof v);
    return v % n;
}

static bool chance(unsigned percent)
{
    return generator_pick(100) < percent;
}

static unsigned one_of(const unsigned *of, unsigned n)
{
    return of[generator_pick(n)];
}

#define ONE_OF(...)                                                                                \
    one_of((const unsigned[]){__VA_ARGS__},                                                        \
           sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

static void junk_field(struct packet *p, unsigned type, unsigned len)
{
    uint8_t body[PACKET_MAX];
    octets_random(body, len);
    packet_field(p, (uint16_t)type, body, len);
}

static void unknown_field(struct packet *p)
{
    junk_field(p, ONE_OF(0, 0xf323, 0xffff, 0x0105, 0x8104, 0x010a, 0x4010),
               ONE_OF(12, 16, 20, 24, 28, 64, 100));
}

static void identifier(struct draft *d)
{
    unsigned len = chance(80) ? 32 : ONE_OF(36, 48, 64, 128, 252, 256);
    if (d->fault == FAULT_UID_SHORT)
        len = ONE_OF(12, 16, 20, 24, 28);
    if (d->fault == FAULT_UID_LONG)
        len = ONE_OF(260, 264, 300, 512, 1000);
    junk_field(&d->p, EF_UNIQUE_ID, len);
}

static void cookie(struct draft *d)
{
    uint8_t body[PACKET_MAX];
    uint8_t nonce[16];
    unsigned len = REFERENCE_COOKIE_LEN;
    octets_random(body, sizeof body);
    octets_random(nonce, sizeof nonce);
    const struct reference_key *key = &d->ring->key[generator_pick(d->ring->n)];
    if (chance(60))
        key = &d->ring->key[d->ring->current];
    reference_cookie(key, nonce, d->c2s, d->s2c, body);
    if (d->fault == FAULT_COOKIE_LENGTH)
        len = ONE_OF(12, 16, 20, 64, 68, 96, 104, 108, 132, 164, 256, 400);
    if (d->fault == FAULT_KEY_ID) {
        unsigned how = generator_pick(4);
        if (how == 0)
            body[generator_pick(4)] ^= (uint8_t)(1 << generator_pick(8));
        else
            be32_put(body, how == 1 ? 0 : how == 2 ? UINT32_MAX : generator_pick(UINT32_MAX));
    }
    if (d->fault == FAULT_COOKIE_BIT)
        body[4 + generator_pick(REFERENCE_COOKIE_LEN - 4)] ^= (uint8_t)(1 << generator_pick(8));
    d->cookie_at = d->p.len + EF_HEADER_LEN;
    packet_field(&d->p, EF_COOKIE, body, len);
}

static void placeholder(struct packet *p)
{
    if (chance(70))
        packet_field(p, EF_PLACEHOLDER, NULL, REFERENCE_COOKIE_LEN);
    else
        junk_field(p, EF_PLACEHOLDER,
                   chance(60) ? REFERENCE_COOKIE_LEN : ONE_OF(12, 16, 96, 104, 108, 68));
}

// The fields before the authenticator, in any order.
static void clear_fields(struct draft *d)
{
    char order[32];
    unsigned n = 0;
    unsigned uids = d->fault == FAULT_NO_UID ? 0 : d->fault == FAULT_TWO_UIDS ? 2 : 1;
    unsigned cookies = d->fault == FAULT_NO_COOKIE ? 0 : d->fault == FAULT_TWO_COOKIES ? 2 : 1;
    unsigned placeholders = chance(50) ? 0 : chance(80) ? generator_pick(8) : generator_pick(12);
    unsigned unknown = chance(75) ? 0 : generator_pick(4);
    if (d->fault == FAULT_UID_LONG)
        placeholders = 0;
    while (uids-- > 0)
        order[n++] = 'u';
    while (cookies-- > 0)
        order[n++] = 'c';
    while (placeholders-- > 0)
        order[n++] = 'p';
    while (unknown-- > 0)
        order[n++] = 'x';
    for (unsigned i = n; chance(50) && i > 1; i--) {
        unsigned j = generator_pick(i);
        char swap = order[j];
        order[j] = order[i - 1];
        order[i - 1] = swap;
    }
    for (unsigned i = 0; i < n; i++) {
        if (order[i] == 'u')
            identifier(d);
        else if (order[i] == 'c')
            cookie(d);
        else if (order[i] == 'p')
            placeholder(&d->p);
        else
            unknown_field(&d->p);
    }
    for (unsigned i = 0; d->fault == FAULT_MANY && i < 33; i++)
        junk_field(&d->p, 0xf323, 12);
}

static void raw16(struct packet *p, unsigned a, unsigned b)
{
    uint8_t octets[4];
    be16_put(octets, (uint16_t)a);
    be16_put(octets + 2, (uint16_t)b);
    packet_raw(p, octets, 4);
}

// What the authenticator hides.
static void inner_fields(const struct draft *d, struct packet *inner)
{
    inner->len = 0;
    unsigned n = chance(75) ? 0 : generator_pick(6);
    if (d->fault == FAULT_CONTENT || d->fault == FAULT_NESTED)
        n = generator_pick(3);
    for (unsigned i = 0; i < n; i++) {
        if (chance(70))
            placeholder(inner);
        else
            junk_field(inner, 0xf323, ONE_OF(0, 4, 8, 12, 40));
    }
    if (d->fault == FAULT_NESTED)
        junk_field(inner, EF_AUTHENTICATOR, ONE_OF(0, 4, 36, 60));
    if (d->fault == FAULT_CONTENT) {
        raw16(inner, ONE_OF(EF_PLACEHOLDER, 0xf323),
              ONE_OF(0, 1, 2, 3, 5, 6, 7, 9, 20, 108, 32768, 65535));
        packet_raw(inner, NULL, ONE_OF(0, 1, 2, 3, 4, 8));
    }
}

static void authenticator(struct draft *d)
{
    struct packet inner;
    struct seal_shape shape = packet_authenticator_plain();
    inner_fields(d, &inner);
    if (chance(20))
        shape.nonce_len = (uint16_t)ONE_OF(1, 2, 3, 4, 5, 8, 12, 15, 17, 20, 24, 32, 64, 255);
    if (chance(15))
        shape.padding = (uint16_t)ONE_OF(4, 8, 12, 16, 40);
    if (d->fault == FAULT_UNPADDED) {
        shape.nonce_len = (uint16_t)(1 + generator_pick(12));
        shape.unpadded = true;
        shape.padding = (uint16_t)(4 * generator_pick(3));
    }
    if (d->fault == FAULT_NO_NONCE)
        shape.nonce_len = 0;
    if (d->fault == FAULT_LENGTHS) {
        int off = (int)ONE_OF(0, 1, 2, 3, 4, 5, 8, 9, 12, 16, 20, 24) - 12;
        if (chance(50))
            shape.claim_nonce_len = (int)shape.nonce_len + off;
        else
            shape.claim_cipher_len = (int)(SEAL_TAG_LEN + inner.len) + off;
    }
    if (d->fault == FAULT_LENGTHS_FAR) {
        if (chance(50))
            shape.claim_nonce_len = (int)ONE_OF(0, 256, 1024, 32767, 32768, 65535, 65532);
        else
            shape.claim_cipher_len = (int)ONE_OF(0, 4, 8, 15, 256, 32768, 65535, 65532);
    }
    if (d->fault == FAULT_FIT) {
        shape.padding = 0;
        shape.nonce_len = 16;
        if (chance(50))
            shape.claim_nonce_len = 20;
        else
            shape.claim_cipher_len = (int)((SEAL_TAG_LEN + inner.len + 3) & ~(size_t)3) + 4;
    }
    d->seal_at = d->p.len;
    packet_authenticate(&d->p, &shape, d->fault == FAULT_DIRECTION ? d->s2c : d->c2s, inner.at,
                        inner.len);
    uint8_t *tag = d->p.at + d->seal_at + 8 + (shape.nonce_len + 3) / 4 * 4;
    if (d->fault == FAULT_DATA_SPAN)
        seal_close(d->c2s, d->p.at, chance(50) ? d->seal_at + 4 : d->seal_at - 4,
                   d->p.at + d->seal_at + 8, shape.nonce_len, inner.at, inner.len, tag);
    if (d->fault == FAULT_SEAL_ZERO)
        memset(tag, 0, SEAL_TAG_LEN);
    if (d->fault == FAULT_SEAL_BIT)
        tag[generator_pick((unsigned)(SEAL_TAG_LEN + inner.len))] ^=
            (uint8_t)(1 << generator_pick(8));
}

static void flip(struct packet *p, size_t from, size_t to)
{
    p->at[from + generator_pick((unsigned)(to - from))] ^= (uint8_t)(1 << generator_pick(8));
}

// What happens to the finished packet.
static void spoil(struct draft *d)
{
    struct packet *p = &d->p;
    switch (d->fault) {
    case FAULT_DATA_BIT:
        flip(p, 1, chance(50) ? NTP_HEADER_LEN : d->seal_at);
        break;
    case FAULT_MAC:
        p->len = chance(50) && d->seal_at > 0 ? d->seal_at : p->len;
        octets_random(p->at + p->len, 24);
        p->len += ONE_OF(20, 24);
        break;
    case FAULT_CRYPTO_NAK:
        p->len = d->seal_at;
        packet_raw(p, NULL, 4);
        break;
    case FAULT_REMAINDER:
        p->len = d->seal_at;
        octets_random(p->at + p->len, 16);
        p->len += ONE_OF(4, 8, 12, 16);
        break;
    case FAULT_TRUNCATED:
        p->len = chance(70) ? 4 * generator_pick((unsigned)p->len / 4)
                            : generator_pick((unsigned)p->len);
        break;
    case FAULT_OCTETS:
        for (unsigned n = 1 + generator_pick(4); n > 0; n--)
            p->at[generator_pick((unsigned)p->len)] = (uint8_t)generator_pick(256);
        break;
    case FAULT_FIRST:
        p->at[0] = (uint8_t)generator_pick(256);
        break;
    case FAULT_FIELD_LENGTH: {
        size_t at = d->cookie_at > 0 && chance(50) ? d->cookie_at - 2 : NTP_HEADER_LEN + 2;
        be16_put(p->at + at, (uint16_t)ONE_OF(0, 1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 37, 102, 103,
                                              106, 108, 1400, 65532, 65535));
        break;
    }
    default:
        break;
    }
}

static void make_nts(const struct reference_ring *ring, struct draft *d)
{
    static const enum fault rare[] = {FAULT_TRUNCATED, FAULT_OCTETS};
    *d = (struct draft){.ring = ring};
    d->fault = chance(40) ? FAULT_NONE : (enum fault)generator_pick(FAULTS);
    if (chance(5))
        d->fault = rare[generator_pick(2)];
    octets_random(d->c2s, sizeof d->c2s);
    octets_random(d->s2c, sizeof d->s2c);
    packet_start(&d->p, 4, 3);
    octets_random(d->p.at + 1, 39); // NTP-11
    clear_fields(d);
    if (d->fault != FAULT_NO_SEAL)
        authenticator(d);
    else
        d->seal_at = d->p.len;
    spoil(d);
    if (d->fault == FAULT_NONE && chance(20)) // NTS-8
        for (unsigned n = 1 + generator_pick(3); n > 0; n--) {
            if (chance(40))
                placeholder(&d->p);
            else
                junk_field(&d->p, ONE_OF(EF_UNIQUE_ID, EF_COOKIE, EF_AUTHENTICATOR, 0xf323),
                           ONE_OF(0, 4, 12, 16, 20, 32, 100));
        }
}

// Header, and what stands behind it without any NTS.
static void make_plain(struct draft *d)
{
    packet_start(&d->p, chance(60) ? 4 : generator_pick(8), chance(80) ? 3 : generator_pick(8));
    octets_random(d->p.at + 1, 39);
    d->p.at[0] |= (uint8_t)(generator_pick(4) << 6);
    if (chance(8))
        d->p.at[0] = (uint8_t)(d->p.at[0] & 0xc0) | 1 << 3; // version 1 without a mode
    if (chance(35))
        return;
    for (unsigned n = generator_pick(4); n > 0; n--) {
        if (chance(30))
            junk_field(&d->p, EF_UNIQUE_ID, ONE_OF(12, 16, 20, 24, 28, 32, 64, 256, 1000));
        else
            unknown_field(&d->p);
        if (d->p.len > SAMPLE_MAX - 128)
            break;
    }
    if (chance(30)) { // EF-3, EF-5
        unsigned n = ONE_OF(4, 8, 12, 16, 20, 24, 28, 72);
        octets_random(d->p.at + d->p.len, n);
        if (chance(40))
            memset(d->p.at + d->p.len, 0, n);
        d->p.len += n;
    }
    if (chance(5)) // EF-7
        for (unsigned n = generator_pick(60); n > 0; n--)
            junk_field(&d->p, 0xf323, 12);
    if (chance(10)) // NTP-1
        d->p.len = generator_pick((unsigned)d->p.len);
}

void generator_make(const struct reference_ring *cookies, struct sample *sample)
{
    static struct draft d;
    do {
        d.p.len = 0;
        if (chance(75))
            make_nts(cookies, &d);
        else if (chance(90))
            make_plain(&d);
        else {
            d.p.len = generator_pick(300);
            octets_random(d.p.at, d.p.len);
        }
    } while (d.p.len > SAMPLE_MAX);
    sample->len = d.p.len;
    memcpy(sample->at, d.p.at, d.p.len);
    sample->source_port = (uint16_t)(chance(20) ? 123 : 1 + generator_pick(65535));
}

void generator_ring(struct reference_ring *ring)
{
    ring->n = 1 + generator_pick(REFERENCE_KEYS);
    ring->current = generator_pick(ring->n);
    for (unsigned i = 0; i < ring->n; i++) {
        octets_random(&ring->key[i], sizeof ring->key[i]);
        for (unsigned j = 0; j < i; j++)
            if ((ring->key[i].id ^ ring->key[j].id) <= 1)
                ring->key[i].id += 2;
    }
}
