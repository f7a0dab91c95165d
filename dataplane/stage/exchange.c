// Collecting the batch kernel's jobs.
#include "dataplane/stage/exchange.h"

#include "base/bytes.h"
#include "crypto/registers.h"
#include "dataplane/stage/key_used.h"
#include "dataplane/stage/seal.h"
#include "dataplane/stage/slow.h"

#include <stddef.h>

static_assert((int)FRAME_MAX <= (int)EXCHANGE_AD_MAX,
              "what a frame authenticates is what a kernel stages");
static_assert((int)EXCHANGE_NONCE_LEN == (int)COOKIE_NONCE_LEN &&
                  (int)EXCHANGE_NONCE_LEN == (int)RNG_BLOCK_LEN,
              "random octets come in nonces");

// Fills in the job of a lane of the usual shape: the key that opens the cookie, what is checked,
// what is sealed.
static void describe(struct exchange *jobs, const struct batch *batch, unsigned lane,
                     const struct cookie_key *key, uint32_t clear_len, uint8_t *reply_seal)
{
    const uint8_t *request = batch_request(batch, lane);
    const struct fields *fields = &batch->fields[lane];
    jobs->shape[lane] = (struct exchange_shape){
        // The associated data ends where the authenticator's own header begins: RFC 8915,
        // section 5.6.
        .request_len = fields->authenticator.at,
        .reply_len = (uint16_t)clear_len,
        .n_cookies = batch->n_cookies[lane],
    };
    jobs->open_key[lane] = key;
    jobs->cookie[lane] = request + fields->cookie.at + FIELD_HEADER_LEN;
    jobs->request[lane] = request;
    jobs->request_seal[lane] = request + batch->authenticator[lane].nonce_at;
    jobs->reply[lane] = batch_reply(batch, lane);
    jobs->reply_seal[lane] = reply_seal;
}

// Returns the lanes that have a job; lanes with unknown keys are added to *unknown. The lanes' AEAD
// is a constant to the compiler.
static inline lane_set collect_jobs(struct batch *batch, lane_set lanes,
                                    const struct aead_lengths *aead,
                                    const struct keyring_view *keys, struct rng *rng,
                                    struct exchange_work *work, lane_set *unknown)
{
    lane_set ready = 0;
    work->jobs.seal_key = &keys->key[keys->current];
    field_put(work->jobs.lead, FIELD_COOKIE, aead->cookie);
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        const struct fields *fields = &batch->fields[i];
        const uint8_t *cookie = batch_request(batch, i) + fields->cookie.at + FIELD_HEADER_LEN;
        const struct cookie_key *key = keyring_find(keys, be32_get(cookie));
        if (key != work->jobs.seal_key) { // rare
            if (key == NULL) {
                *unknown |= lane_bit(i);
                continue;
            }
            key_used_older(batch, i, keys, key);
        }

        uint32_t clear_len = batch->ntp_len[i];
        uint8_t *seal = seal_place(batch, i, seal_n_cookies(fields->n_placeholders), aead);
        if (seal == NULL) {
            batch->ended[DROPPED_LONGER] |= lane_bit(i);
            continue;
        }
        rng_blocks(rng, work->random[i], 1u + batch->n_cookies[i]);
        work->jobs.random[i] = work->random[i];
        describe(&work->jobs, batch, i, key, clear_len, seal);
        ready |= lane_bit(i);
    }
    return ready;
}

struct proof exchange(struct batch *batch, struct kinds requested, const struct keyring_view *keys,
                      struct rng *rng, struct exchange_work *work)
{
    struct proof proof = {0};

    lane_set unknown = 0;
    for (enum aead_row row = 0; row < AEAD_ROWS; row++) {
        lane_set ready = collect_jobs(batch, requested.secure[row], &aead_lengths[row], keys, rng,
                                      work, &unknown);
        if (ready == 0)
            continue;
        work->jobs.unopened = 0;
        lane_set given = work->kernels.of[row]->run(&work->jobs, ready);
        lane_set refused = ready & ~given;
        proof.given |= given;
        if (refused != 0) {
            proof.doubted |= refused;
            batch->nak[NAK_COOKIE_TAG] |= refused & work->jobs.unopened;
            batch->nak[NAK_REQUEST_TAG] |= refused & ~work->jobs.unopened;
        }
    }
    if (unknown != 0) {
        proof.doubted |= unknown;
        batch->nak[NAK_UNKNOWN_KEY] |= unknown;
    }

    for (lane_set slow = requested.slow; slow != 0;) {
        unsigned i = lane_take(&slow);
        enum outcome end = slow_exchange(batch, i, keys, rng, work->jobs.sessions);
        if (end == ANSWERED_NTS)
            proof.given |= lane_bit(i);
        else if (end == ANSWERED_NAK)
            proof.doubted |= lane_bit(i);
        else
            batch->ended[end] |= lane_bit(i);
    }
    if (kinds_nts(requested) != 0)
        registers_wipe(); // a core without traffic would keep keys in them
    return proof;
}
