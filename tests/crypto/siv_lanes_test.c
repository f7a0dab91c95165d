// Every kernel of AES-SIV over lanes against nettle and siv.h, one message at a time. The argument
// names the variant; one that this machine cannot run is skipped with the reason.
#include "crypto/client_lanes.h"

#include "tests/crypto/siv_lanes_messages.h"
#include "tests/crypto/support.h"

#include <stdio.h>

static const struct client_variant *tested;
static struct messages messages;

static const lane_set all = ~(lane_set)0;

static lane_set compare(lane_set which)
{
    return messages_compare(&messages, which, tested);
}

// Every lane of the same shape: a request of 188 octets is sealed, a reply's 84 and 104 are opened.
static void usual_lanes(uint64_t *seed)
{
    for (unsigned l = 0; l < LANES; l++)
        messages_lane(&messages, l, 84, 104, seed);
}

// SIV-5: every batch size.
static void batch_sizes(void **state)
{
    (void)state;
    uint64_t seed = 50;
    usual_lanes(&seed);
    for (unsigned n = 0; n <= LANES; n++)
        assert_int_equal(compare(lane_first(n)), lane_first(n));
}

// SIV-5: every length of a plaintext up to fifty blocks and more, beside as many lengths of
// associated data; each lane has a shape of its own.
static void lengths(void **state)
{
    (void)state;
    uint64_t seed = 51;
    for (unsigned first = 16; first <= MESSAGE_LEN_MAX - LANES; first += LANES) {
        for (unsigned l = 0; l < LANES; l++)
            messages_lane(&messages, l, (uint16_t)(16 + 17 * (first + l) % (MESSAGE_AD_MAX - 15)),
                          (uint16_t)(first + l), &seed);
        assert_int_equal(compare(all), all);
    }
}

// Full groups of each way to end: within the last block, and one, two or three blocks long.
static void ends(void **state)
{
    (void)state;
    uint64_t seed = 52;
    for (unsigned n = 0; n <= 32; n++) {
        for (unsigned l = 0; l < LANES; l++)
            messages_lane(&messages, l, (uint16_t)(16 + n), (uint16_t)(48 - n), &seed);
        assert_int_equal(compare(all), all);
    }
}

// SIV-5: few shapes in any set of lanes, so that groups fill, overflow and end half full; lanes
// that agree in one length only are apart.
static void mixes(void **state)
{
    (void)state;
    static const uint16_t ad_lens[] = {84, 188, 192}, lens[] = {100, 104};
    uint64_t seed = 53;
    for (unsigned round = 0; round < 16; round++) {
        for (unsigned l = 0; l < LANES; l++)
            messages_lane(&messages, l, ad_lens[mixed(&seed) % 3], lens[mixed(&seed) % 2], &seed);
        lane_set which = mixed(&seed);
        if (round % 4 == 3)
            which &= mixed(&seed) & mixed(&seed);
        assert_int_equal(compare(which), which);
    }
}

// The lanes' keys and nonces may be the same ones.
static void shared(void **state)
{
    (void)state;
    uint64_t seed = 54;
    usual_lanes(&seed);
    const struct message *first = &messages.lane[0];
    for (unsigned l = 0; l < LANES; l++) {
        messages.s.key[l] = first->key;
        messages.s.nonce[l] = first->nonce;
        messages.s.ad[l] = first->ad;
        messages.s.sealed[l] = first->sealed;
    }
    assert_int_equal(tested->open(&messages.s, all), all);
    tested->seal(&messages.s, all);
    for (unsigned l = 1; l < LANES; l++) {
        assert_memory_equal(messages.lane[l].plain, first->plain, 104);
        assert_memory_equal(messages.lane[l].tag, first->tag, SIV_TAG_LEN);
    }
}

// SIV-5: one bad octet in every position of the batch: of either half of the key, of the nonce, the
// associated data, the tag, the ciphertext.
static void bad_lanes(void **state)
{
    (void)state;
    uint64_t seed = 55;
    usual_lanes(&seed);
    for (unsigned l = 0; l < LANES; l++) {
        struct message *m = &messages.lane[l];
        uint8_t *const bad[] = {
            &m->key[mixed(&seed) % 16],    &m->key[16 + mixed(&seed) % 16],
            &m->nonce[mixed(&seed) % 16],  &m->ad[mixed(&seed) % 84],
            &m->sealed[mixed(&seed) % 16], &m->sealed[16 + mixed(&seed) % 104],
        };
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            uint8_t flip = (uint8_t)(1U << mixed(&seed) % 8);
            *bad[i] ^= flip;
            assert_int_equal(compare(all), all & ~lane_bit(l));
            *bad[i] ^= flip;
        }
    }
}

// SIV-4: each flipped bit of a tag is refused, in every lane.
static void forged_tags(void **state)
{
    (void)state;
    uint64_t seed = 56;
    usual_lanes(&seed);
    for (unsigned bit = 0; bit < 128; bit++) {
        for (unsigned l = 0; l < LANES; l++)
            messages.lane[l].sealed[(bit + l) % 128 / 8] ^= (uint8_t)(1U << (bit + l) % 8);
        assert_int_equal(tested->open(&messages.s, all), 0);
        for (unsigned l = 0; l < LANES; l++)
            messages.lane[l].sealed[(bit + l) % 128 / 8] ^= (uint8_t)(1U << (bit + l) % 8);
    }
    assert_int_equal(tested->open(&messages.s, all), all);
}

// By name; auto is the first that is usable.
static void names(void **state)
{
    (void)state;
    assert_null(client_variant_named(AEAD_SIV_CMAC_256, "no such"));
    assert_string_equal(client_variant_named(AEAD_SIV_CMAC_256, "portable")->name, "portable");
    const struct client_variant *fastest = NULL;
    for (unsigned i = 0; client_variants[AEAD_SIV_CMAC_256][i] != NULL; i++) {
        const struct client_variant *v = client_variants[AEAD_SIV_CMAC_256][i];
        if (fastest == NULL && v->usable())
            fastest = v;
        assert_ptr_equal(client_variant_named(AEAD_SIV_CMAC_256, v->name), v->usable() ? v : NULL);
    }
    assert_non_null(fastest);
    assert_ptr_equal(client_variant_named(AEAD_SIV_CMAC_256, "auto"), fastest);
}

int main(int argc, char **argv)
{
    const struct client_variant *variant = NULL;
    for (unsigned i = 0; argc == 2 && client_variants[AEAD_SIV_CMAC_256][i] != NULL; i++)
        if (strcmp(client_variants[AEAD_SIV_CMAC_256][i]->name, argv[1]) == 0)
            variant = client_variants[AEAD_SIV_CMAC_256][i];
#ifdef __x86_64__
    if (argc == 2 && strcmp(argv[1], siv_lanes_vaes512_emulated.name) == 0)
        variant = &siv_lanes_vaes512_emulated;
#endif
    if (variant == NULL)
        return 1;
    if (!variant->usable()) {
        printf("1..0 # SKIP %s: this processor or its kernel lacks the instructions\n", argv[1]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),     cmocka_unit_test(batch_sizes), cmocka_unit_test(lengths),
        cmocka_unit_test(ends),      cmocka_unit_test(mixes),       cmocka_unit_test(shared),
        cmocka_unit_test(bad_lanes), cmocka_unit_test(forged_tags),
    };
    tested = variant;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
