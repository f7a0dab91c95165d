// Every kernel against the exchange one lane at a time. The argument names the variant; one
// that this machine cannot run is skipped with the reason.
#include "crypto/exchange.h"

#include "tests/crypto/exchange_reference.h"
#include "tests/crypto/support.h"

#include <stdio.h>

static const struct exchange_variant *tested;
static struct bench bench;

// SIV-5: every batch size, all lanes of NTS's usual shape.
static void batch_sizes(void **state)
{
    (void)state;
    uint64_t seed = 10;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, &bench.seal_key, 188, 84, 1, &seed);
    for (unsigned n = 1; n <= LANES; n++)
        assert_int_equal(compare(&bench, lane_first(n), tested), lane_first(n));
    assert_int_equal(compare(&bench, 0, tested), 0);
}

// SIV-5: lanes of other shapes and other cookie keys in one call, in any set of lanes.
static void mixes(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (unsigned round = 0; round < 12; round++) {
        bench_start(&bench, &seed);
        for (unsigned l = 0; l < LANES; l++)
            bench_any_lane(&bench, l, &seed);
        lane_set which = round == 0 ? ~(lane_set)0 : mixed(&seed) | mixed(&seed);
        assert_int_equal(compare(&bench, which, tested), which);
    }
}

// The same with few shapes, so that groups fill, overflow and end half full.
static void few_shapes(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (unsigned round = 0; round < 12; round++) {
        bench_start(&bench, &seed);
        for (unsigned l = 0; l < LANES; l++)
            bench_lane(&bench, l, mixed(&seed) % 4 ? &bench.seal_key : &bench.old_key,
                       mixed(&seed) % 2 ? 188 : 192, 84, (uint8_t)(1 + mixed(&seed) % 2), &seed);
        lane_set which = mixed(&seed);
        assert_int_equal(compare(&bench, which, tested), which);
    }
}

// One to eight cookies, under the current key and under an older one.
static void cookie_counts(void **state)
{
    (void)state;
    uint64_t seed = 13;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < 2 * EXCHANGE_COOKIES_MAX; l++)
        bench_lane(&bench, l, l % 2 ? &bench.seal_key : &bench.old_key, 188, 84,
                   (uint8_t)(1 + l / 2), &seed);
    assert_int_equal(compare(&bench, lane_first(16), tested), lane_first(16));
}

// SIV-5: every length of authenticated data over two blocks, on both sides.
static void ad_lengths(void **state)
{
    (void)state;
    uint64_t seed = 14;
    for (unsigned swap = 0; swap < 2; swap++) {
        bench_start(&bench, &seed);
        for (unsigned l = 0; l < LANES; l++)
            bench_lane(&bench, l, &bench.seal_key, (uint16_t)(16 + (swap ? l : 37)),
                       (uint16_t)(16 + (swap ? 53 : l)), 1, &seed);
        assert_int_equal(compare(&bench, ~(lane_set)0, tested), ~(lane_set)0);
    }
}

// SIV-5, SIV-4: one bad lane in every position: its cookie, its request, or the key it names.
static void bad_lanes(void **state)
{
    (void)state;
    uint64_t seed = 15;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, &bench.seal_key, 188, 84, 1, &seed);
    for (unsigned l = 0; l < LANES; l++) {
        struct lane_memory *m = &bench.lane[l];
        lane_set others = ~lane_bit(l);
        // Nonce, tag and keys of the cookie.
        uint8_t *cookie = &m->cookie[4 + mixed(&seed) % (COOKIE_LEN - 4)];
        *cookie ^= 0x40;
        assert_int_equal(compare(&bench, ~(lane_set)0, tested), others);
        *cookie ^= 0x40;
        // Nonce and tag of the request, then its data.
        uint8_t *seal = &m->request_seal[mixed(&seed) % 32];
        *seal ^= 0x01;
        assert_int_equal(compare(&bench, ~(lane_set)0, tested), others);
        *seal ^= 0x01;
        uint8_t *request = &m->request[mixed(&seed) % 188];
        *request ^= 0x80;
        assert_int_equal(compare(&bench, ~(lane_set)0, tested), others);
        *request ^= 0x80;
        // CK-4: a cookie under another key than the one that its lane names.
        bench.x.open_key[l] = &bench.old_key;
        assert_int_equal(compare(&bench, ~(lane_set)0, tested), others);
        bench.x.open_key[l] = &bench.seal_key;
    }
}

// SIV-4: a request has no plaintext; each flipped bit of its tag is refused, in every lane.
static void forged_tags(void **state)
{
    (void)state;
    uint64_t seed = 16;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, &bench.seal_key, 100, 84, 1, &seed);
    for (unsigned bit = 0; bit < 128; bit++) {
        for (unsigned l = 0; l < LANES; l++)
            bench.lane[l].request_seal[16 + (bit + l) % 128 / 8] ^= (uint8_t)(1U << (bit + l) % 8);
        assert_int_equal(compare(&bench, ~(lane_set)0, tested), 0);
        for (unsigned l = 0; l < LANES; l++)
            bench.lane[l].request_seal[16 + (bit + l) % 128 / 8] ^= (uint8_t)(1U << (bit + l) % 8);
    }
}

// A genuine cookie around a request under S2C instead of C2S is refused: the two never mix.
static void wrong_direction(void **state)
{
    (void)state;
    uint64_t seed = 17;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < LANES; l++) {
        bench_lane(&bench, l, &bench.seal_key, 188, 84, 1, &seed);
        struct lane_memory *m = &bench.lane[l];
        if (l % 2) {
            uint8_t c2s[32];
            memcpy(c2s, m->keys, 32);
            memcpy(m->keys, m->keys + 32, 32);
            bench_reseal(&bench, l);
            memcpy(m->keys + 32, m->keys, 32);
            memcpy(m->keys, c2s, 32);
        }
    }
    assert_int_equal(compare(&bench, ~(lane_set)0, tested), 0x5555555555555555);
}

// `dataplane.crypto` by name; auto is the first that is usable.
static void names(void **state)
{
    (void)state;
    assert_null(exchange_variant_named(AEAD_SIV_CMAC_256, "no such"));
    assert_string_equal(exchange_variant_named(AEAD_SIV_CMAC_256, "portable")->name, "portable");
    const struct exchange_variant *fastest = NULL;
    for (unsigned i = 0; exchange_variants[AEAD_SIV_CMAC_256][i] != NULL; i++) {
        const struct exchange_variant *v = exchange_variants[AEAD_SIV_CMAC_256][i];
        if (fastest == NULL && v->usable())
            fastest = v;
        assert_ptr_equal(exchange_variant_named(AEAD_SIV_CMAC_256, v->name),
                         v->usable() ? v : NULL);
    }
    assert_non_null(fastest);
    assert_ptr_equal(exchange_variant_named(AEAD_SIV_CMAC_256, "auto"), fastest);
}

int main(int argc, char **argv)
{
    const struct exchange_variant *variant = NULL;
    for (unsigned i = 0; argc == 2 && exchange_variants[AEAD_SIV_CMAC_256][i] != NULL; i++)
        if (strcmp(exchange_variants[AEAD_SIV_CMAC_256][i]->name, argv[1]) == 0)
            variant = exchange_variants[AEAD_SIV_CMAC_256][i];
#ifdef __x86_64__
    if (argc == 2 && strcmp(argv[1], exchange_vaes512_emulated.name) == 0)
        variant = &exchange_vaes512_emulated;
#endif
    if (variant == NULL)
        return 1;
    if (!variant->usable()) {
        printf("1..0 # SKIP %s: this processor or its kernel lacks the instructions\n", argv[1]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),           cmocka_unit_test(batch_sizes),
        cmocka_unit_test(mixes),           cmocka_unit_test(few_shapes),
        cmocka_unit_test(cookie_counts),   cmocka_unit_test(ad_lengths),
        cmocka_unit_test(bad_lanes),       cmocka_unit_test(forged_tags),
        cmocka_unit_test(wrong_direction),
    };
    tested = variant;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
