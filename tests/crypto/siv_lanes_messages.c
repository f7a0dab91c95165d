// The slow oracles of AES-SIV over lanes, and messages for it.
#include "tests/crypto/siv_lanes_messages.h"

#include "crypto/siv_core.h"
#include "tests/crypto/support.h"

#include <nettle/siv-cmac.h>

enum { UNTOUCHED = 0xa5 };

static struct bytes_span ad_of(const struct messages *m, unsigned l)
{
    return (struct bytes_span){m->lane[l].ad, m->s.ad_len[l]};
}

static struct bytes_span nonce_of(const struct messages *m, unsigned l)
{
    return (struct bytes_span){m->lane[l].nonce, MESSAGE_NONCE_LEN};
}

void messages_lane(struct messages *m, unsigned l, uint16_t ad_len, uint16_t len, uint64_t *seed)
{
    struct message *lane = &m->lane[l];
    uint8_t plain[MESSAGE_LEN_MAX], sealed[SIV_TAG_LEN + MESSAGE_LEN_MAX];
    fill_mixed(seed, lane->key, sizeof lane->key);
    fill_mixed(seed, lane->nonce, sizeof lane->nonce);
    fill_mixed(seed, lane->ad, ad_len);
    fill_mixed(seed, lane->sealed, sizeof lane->sealed);
    fill_mixed(seed, plain, len);
    m->s.ad_len[l] = ad_len;
    m->s.len[l] = len;
    m->s.key[l] = lane->key;
    m->s.nonce[l] = lane->nonce;
    m->s.ad[l] = lane->ad;
    m->s.sealed[l] = lane->sealed;
    m->s.tag[l] = lane->tag;
    m->s.plain[l] = lane->plain;

    struct siv_cmac_aes128_ctx nettle;
    siv_cmac_aes128_set_key(&nettle, lane->key);
    const size_t of_empty[] = {0, len};
    for (unsigned i = 0; i < 2; i++) {
        siv_cmac_aes128_encrypt_message(&nettle, MESSAGE_NONCE_LEN, lane->nonce, ad_len, lane->ad,
                                        SIV_TAG_LEN + of_empty[i], lane->sealed, plain);
        siv_seal(lane->key, ad_of(m, l), nonce_of(m, l), plain, of_empty[i], sealed);
        assert_memory_equal(lane->sealed, sealed, SIV_TAG_LEN + of_empty[i]);
    }
}

// Nothing but the first len octets was written.
static void assert_untouched(const uint8_t *from, size_t len, size_t room)
{
    for (size_t i = len; i < room; i++)
        assert_int_equal(from[i], UNTOUCHED);
}

static void compare_seal(struct messages *m, lane_set which, const struct client_variant *variant)
{
    for (unsigned l = 0; l < LANES; l++)
        memset(m->lane[l].tag, UNTOUCHED, sizeof m->lane[l].tag);
    variant->seal(&m->s, which);
    for (unsigned l = 0; l < LANES; l++) {
        const struct message *lane = &m->lane[l];
        size_t written = 0;
        if (which & lane_bit(l)) {
            uint8_t want[SIV_TAG_LEN];
            siv_seal(lane->key, ad_of(m, l), nonce_of(m, l), NULL, 0, want);
            assert_memory_equal(lane->tag, want, SIV_TAG_LEN);
            written = SIV_TAG_LEN;
        }
        assert_untouched(lane->tag, written, sizeof lane->tag);
    }
}

static void clear_plain(struct messages *m)
{
    for (unsigned l = 0; l < LANES; l++)
        memset(m->lane[l].plain, UNTOUCHED, sizeof m->lane[l].plain);
}

static lane_set compare_open(struct messages *m, lane_set which,
                             const struct client_variant *variant)
{
    static const uint8_t wiped[MESSAGE_LEN_MAX];
    clear_plain(m);
    lane_set proven = variant->open(&m->s, which);
    lane_set expected = 0;
    for (unsigned l = 0; l < LANES; l++) {
        const struct message *lane = &m->lane[l];
        size_t len = m->s.len[l];
        size_t written = 0;
        if (which & lane_bit(l)) {
            uint8_t want[MESSAGE_LEN_MAX];
            written = message_room(len);
            if (siv_open(lane->key, ad_of(m, l), nonce_of(m, l), lane->sealed, SIV_TAG_LEN + len,
                         want)) {
                expected |= lane_bit(l);
                assert_memory_equal(lane->plain, want, len);
            } else {
                assert_memory_equal(lane->plain, wiped, written);
            }
        }
        assert_untouched(lane->plain, written, sizeof lane->plain);
    }
    assert_int_equal(proven, expected);
    return proven;
}

static void compare_decrypt(struct messages *m, lane_set which,
                            const struct client_variant *variant)
{
    clear_plain(m);
    variant->decrypt(&m->s, which);
    for (unsigned l = 0; l < LANES; l++) {
        const struct message *lane = &m->lane[l];
        size_t written = 0;
        if (which & lane_bit(l)) {
            uint8_t want[MESSAGE_LEN_MAX];
            struct cookie_key core;
            siv_core_start(&aes_portable, &core, lane->key);
            siv_core_crypt(&aes_portable, &core, lane->sealed, lane->sealed + SIV_TAG_LEN,
                           m->s.len[l], want);
            assert_memory_equal(lane->plain, want, m->s.len[l]);
            written = message_room(m->s.len[l]);
        }
        assert_untouched(lane->plain, written, sizeof lane->plain);
    }
}

lane_set messages_compare(struct messages *m, lane_set which, const struct client_variant *variant)
{
    compare_seal(m, which, variant);
    compare_decrypt(m, which, variant);
    return compare_open(m, which, variant);
}
