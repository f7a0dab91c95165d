#include "control/ke/ke_responder.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "control/ke/tls.h"
#include "crypto/cookie.h"
#include "crypto/registers.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

// Limits how long two copies of one virtual machine snapshot make the same octets.
#define RESEED_NS (1000ull * NOW_NS_PER_MS)

static_assert(KE_RESPONSE_MAX <= KE_REQUEST_MAX, "a response fits into its request's buffer");

// The loops share the rows of the keys, and each gives keys their rows when it has new ones.
static void take_keys(struct ke_responder *responder)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (!keyring_refresh(responder->ring, &responder->keys) || responder->sealed == NULL)
        return;
    pthread_mutex_lock(&lock);
    key_counters_follow(responder->sealed, responder->keys.id, responder->keys.n,
                        responder->key_row);
    pthread_mutex_unlock(&lock);
}

void ke_responder_open(struct ke_responder *responder, const struct snapshot *ring,
                       struct ke_counters *counters, struct key_counters *sealed)
{
    memset(responder, 0, sizeof *responder);
    responder->counters = counters;
    responder->ring = ring;
    responder->sealed = sealed;
    rng_init(&responder->rng);
    take_keys(responder);
}

// True when the generator may be used. Never waits: while the kernel has no random octets (early at
// boot), the answer is Error 2.
static bool seeded(struct ke_responder *responder)
{
    uint64_t now = now_ns();
    if (rng_ready(&responder->rng) && now - responder->seeded_ns < RESEED_NS)
        return true;
    uint8_t seed[RNG_SEED_LEN];
    if (getrandom(seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        return false;
    rng_reseed(&responder->rng, seed);
    bytes_wipe(seed, sizeof seed);
    responder->seeded_ns = now;
    return true;
}

// Section 4.1.6: eight cookies; each has the same pair of keys, sealed under a nonce of its own.
// The keys are those of the session, or those that a pool has sent. Returns NULL, or why it failed.
static const char *seal_cookies(struct ke_responder *responder, SSL *session,
                                const struct aead *aead, const uint8_t *given, uint8_t *cookies)
{
    take_keys(responder);
    if (!responder->keys.seen || responder->keys.n == 0)
        return "no cookie keys are published";
    if (!seeded(responder))
        return "the kernel has no random octets yet";

    const struct aead_lengths *len = aead->lengths;
    uint8_t keys[2 * AEAD_KEY_MAX];
    if (given != NULL)
        memcpy(keys, given, 2u * len->key);
    else if (!tls_export(session, KE_PROTOCOL_NTPV4, aead->id, len->key, keys))
        return "TLS exports no keys";
    const struct cookie_key *current = &responder->keys.key[responder->keys.current];
    for (unsigned i = 0; i < KE_COOKIES; i++) {
        uint8_t nonce[COOKIE_NONCE_LEN];
        rng_fill(&responder->rng, nonce, sizeof nonce);
        cookie_seal(current, nonce, keys, 2u * len->key, cookies + i * len->cookie);
    }
    if (responder->sealed != NULL) {
        const uint8_t row = responder->key_row[responder->keys.current];
        atomic_fetch_add_explicit(&responder->sealed->row[row].sealed, KE_COOKIES,
                                  memory_order_relaxed);
    }
    bytes_wipe(keys, sizeof keys);
    registers_wipe(); // wipes round keys before OpenSSL code runs again
    return NULL;
}

static enum ke_counter end_of(enum ke_error error)
{
    switch (error) {
    case KE_UNRECOGNIZED_CRITICAL_RECORD:
        return KE_ERRED_CRITICAL;
    case KE_BAD_REQUEST:
        return KE_ERRED_REQUEST;
    case KE_INTERNAL_SERVER_ERROR:
        break;
    }
    return KE_ERRED_INTERNAL;
}

static size_t refuse(enum ke_error error, struct ke_exchange *exchange, uint8_t *octets)
{
    exchange->end = end_of(error);
    return ke_error_write(error, octets);
}

// Answers a negotiation: keys as seal_cookies takes them.
static size_t answer(struct ke_responder *responder, SSL *session,
                     struct ke_negotiation negotiation, const uint8_t *keys,
                     struct ke_exchange *exchange, uint8_t *octets)
{
    uint8_t cookies[KE_COOKIES * AEAD_COOKIE_MAX];

    if (!negotiation.refused && negotiation.aead) {
        const char *fault = seal_cookies(responder, session, negotiation.aead, keys, cookies);
        if (fault) {
            static struct log_limit limit;
            log_limited(&limit, LOG_LEVEL_ERROR, "key exchange answered with Error 2: %s", fault);
            negotiation.refused = true;
            negotiation.error = KE_INTERNAL_SERVER_ERROR;
        }
    }
    if (negotiation.refused)
        return refuse(negotiation.error, exchange, octets);
    exchange->end = negotiation.aead ? KE_COMPLETED : KE_NO_COMMON;
    const struct ke_offer offer = {
        .ntp_server = responder->ntp_server,
        .udp_port = responder->udp_port,
        .cookies = cookies,
    };
    return ke_response_write(&negotiation, &offer, octets);
}

static bool take_place(const struct ke_responder *responder)
{
    struct ke_counters *counters = responder->counters;
    if (atomic_fetch_add_explicit(&counters->kept, 1, memory_order_relaxed) < responder->kept_most)
        return true;
    ke_responder_let_go(counters);
    return false;
}

void ke_responder_let_go(struct ke_counters *counters)
{
    atomic_fetch_sub_explicit(&counters->kept, 1, memory_order_relaxed);
}

// A session's keys are exported once: on a connection that stays, two clients would get the same.
static size_t answer_ordinary(struct ke_responder *responder, SSL *session,
                              struct ke_exchange *exchange, uint8_t *octets, size_t len)
{
    const struct ke_negotiation negotiation = ke_negotiate(octets, len);
    if (exchange->kept && !negotiation.refused)
        return refuse(KE_BAD_REQUEST, exchange, octets);
    return answer(responder, session, negotiation, NULL, exchange, octets);
}

static size_t answer_pool(struct ke_responder *responder, SSL *session,
                          struct ke_exchange *exchange, uint8_t *octets, size_t len)
{
    const struct ke_pool_request request = ke_pool_read(octets, len);
    enum ke_counter outcome = KE_POOL_REFUSED;
    size_t written;

    if (request.refused) {
        written = refuse(request.error, exchange, octets);
    } else if (request.keys != NULL) {
        written = answer(responder, session, request.negotiation, request.keys, exchange, octets);
        outcome = exchange->end == KE_COMPLETED ? KE_POOL_SESSIONS : KE_POOL_REFUSED;
    } else if (request.protocols || request.aeads) {
        written = ke_pool_lists_write(&request, octets);
        outcome = KE_POOL_LISTS;
    } else {
        return answer_ordinary(responder, session, exchange, octets, len);
    }
    if (written < len)
        bytes_wipe(octets + written, len - written); // the token, and a client's keys
    ke_count(responder->counters, outcome);
    if (outcome == KE_POOL_REFUSED)
        return written;
    exchange->end = KE_OF_POOL;
    // The draft does not say what octets behind a request are: they end the connection.
    exchange->keep =
        request.keep_alive && !exchange->followed && (exchange->kept || take_place(responder));
    return exchange->keep ? ke_pool_keep_write(octets, written) : written;
}

size_t ke_responder_answer(struct ke_responder *responder, SSL *session,
                           uint8_t octets[KE_REQUEST_MAX], size_t len, struct ke_exchange *exchange)
{
    exchange->keep = false;
    switch (ke_pool_identify(responder->tokens, octets, len)) {
    case KE_FROM_POOL:
        return answer_pool(responder, session, exchange, octets, len);
    case KE_FROM_IMPOSTOR:
        ke_count(responder->counters, KE_POOL_DENIED);
        break;
    case KE_FROM_ANYONE:
        break;
    }
    return answer_ordinary(responder, session, exchange, octets, len);
}

void ke_responder_wipe(struct ke_responder *responder)
{
    keyring_view_wipe(&responder->keys);
    rng_wipe(&responder->rng);
}
