// Every kernel against the exchange one lane at a time. Each test runs on each variant that this
// machine can run, and says which it cannot.
#include "crypto/exchange.h"

#include "tests/crypto/exchange_reference.h"
#include "tests/crypto/support.h"

#include <stdio.h>

// A proof's name is the test's, its state the variant.
static const struct exchange_variant *variant_of(void **state)
{
    const struct exchange_variant *variant = *state;
    if (!variant->usable()) {
        print_message("# %s: this processor or its kernel lacks the instructions\n", variant->name);
        skip();
    }
    return variant;
}

static struct bench bench;

// SIV-5: every batch size, all lanes of NTS's usual shape.
static void batch_sizes(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 10;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, &bench.seal_key, 188, 84, 1, &seed);
    for (unsigned n = 1; n <= LANES; n++)
        assert_int_equal(compare(&bench, lane_first(n), variant), lane_first(n));
    assert_int_equal(compare(&bench, 0, variant), 0);
}

// SIV-5: lanes of other shapes and other cookie keys in one call, in any set of lanes.
static void mixes(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 11;
    for (unsigned round = 0; round < 12; round++) {
        bench_start(&bench, &seed);
        for (unsigned l = 0; l < LANES; l++)
            bench_any_lane(&bench, l, &seed);
        lane_set which = round == 0 ? ~(lane_set)0 : mixed(&seed) | mixed(&seed);
        assert_int_equal(compare(&bench, which, variant), which);
    }
}

// The same with few shapes, so that groups fill, overflow and end half full.
static void few_shapes(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 12;
    for (unsigned round = 0; round < 12; round++) {
        bench_start(&bench, &seed);
        for (unsigned l = 0; l < LANES; l++)
            bench_lane(&bench, l, mixed(&seed) % 4 ? &bench.seal_key : &bench.old_key,
                       mixed(&seed) % 2 ? 188 : 192, 84, (uint8_t)(1 + mixed(&seed) % 2), &seed);
        lane_set which = mixed(&seed);
        assert_int_equal(compare(&bench, which, variant), which);
    }
}

// One to eight cookies, under the current key and under an older one.
static void cookie_counts(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 13;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < 2 * EXCHANGE_COOKIES_MAX; l++)
        bench_lane(&bench, l, l % 2 ? &bench.seal_key : &bench.old_key, 188, 84,
                   (uint8_t)(1 + l / 2), &seed);
    assert_int_equal(compare(&bench, lane_first(16), variant), lane_first(16));
}

// SIV-5: every length of authenticated data over two blocks, on both sides.
static void ad_lengths(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 14;
    for (unsigned swap = 0; swap < 2; swap++) {
        bench_start(&bench, &seed);
        for (unsigned l = 0; l < LANES; l++)
            bench_lane(&bench, l, &bench.seal_key, (uint16_t)(16 + (swap ? l : 37)),
                       (uint16_t)(16 + (swap ? 53 : l)), 1, &seed);
        assert_int_equal(compare(&bench, ~(lane_set)0, variant), ~(lane_set)0);
    }
}

// SIV-5, SIV-4: one bad lane in every position: its cookie, its request, or the key it names.
static void bad_lanes(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
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
        assert_int_equal(compare(&bench, ~(lane_set)0, variant), others);
        *cookie ^= 0x40;
        // Nonce and tag of the request, then its data.
        uint8_t *seal = &m->ask_seal[mixed(&seed) % 32];
        *seal ^= 0x01;
        assert_int_equal(compare(&bench, ~(lane_set)0, variant), others);
        *seal ^= 0x01;
        uint8_t *ask = &m->ask[mixed(&seed) % 188];
        *ask ^= 0x80;
        assert_int_equal(compare(&bench, ~(lane_set)0, variant), others);
        *ask ^= 0x80;
        // CK-4: a cookie under another key than the one that its lane names.
        bench.x.open_key[l] = &bench.old_key;
        assert_int_equal(compare(&bench, ~(lane_set)0, variant), others);
        bench.x.open_key[l] = &bench.seal_key;
    }
}

// SIV-4: a request has no plaintext; each flipped bit of its tag is refused, in every lane.
static void forged_tags(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 16;
    bench_start(&bench, &seed);
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, &bench.seal_key, 100, 84, 1, &seed);
    for (unsigned bit = 0; bit < 128; bit++) {
        for (unsigned l = 0; l < LANES; l++)
            bench.lane[l].ask_seal[16 + (bit + l) % 128 / 8] ^= (uint8_t)(1U << (bit + l) % 8);
        assert_int_equal(compare(&bench, ~(lane_set)0, variant), 0);
        for (unsigned l = 0; l < LANES; l++)
            bench.lane[l].ask_seal[16 + (bit + l) % 128 / 8] ^= (uint8_t)(1U << (bit + l) % 8);
    }
}

// A genuine cookie around a request under S2C instead of C2S is refused: the two never mix.
static void wrong_direction(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
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
    assert_int_equal(compare(&bench, ~(lane_set)0, variant), 0x5555555555555555);
}

// A lane that is refused shows neither keystream nor cookies.
static void refused_is_blank(void **state)
{
    const struct exchange_variant *variant = variant_of(state);
    uint64_t seed = 18;
    bench_start(&bench, &seed);
    bench_lane(&bench, 0, &bench.seal_key, 188, 84, 3, &seed);
    struct lane_memory *m = &bench.lane[0];
    m->ask_seal[16] ^= 1;
    bench.x.cookie[0] = m->cookie;
    bench.x.ask[0] = m->ask;
    bench.x.ask_seal[0] = m->ask_seal;
    bench.x.reply[0] = m->reply;
    bench.x.reply_seal[0] = m->reply_seal;
    bench.x.random[0] = m->random;
    assert_int_equal(variant->run(&bench.x, 1), 0);
    for (unsigned i = 0; i < 32 + 3 * EXCHANGE_STRIDE; i++)
        assert_int_equal(m->reply_seal[i], 0);
}

// `dataplane.crypto` by name; auto is the first that is usable.
static void names(void **state)
{
    (void)state;
    assert_null(exchange_variant_named("no such"));
    assert_string_equal(exchange_variant_named("portable")->name, "portable");
    const struct exchange_variant *fastest = NULL;
    for (unsigned i = 0; exchange_variants[i] != NULL; i++) {
        const struct exchange_variant *v = exchange_variants[i];
        if (fastest == NULL && v->usable())
            fastest = v;
        assert_ptr_equal(exchange_variant_named(v->name), v->usable() ? v : NULL);
    }
    assert_non_null(fastest);
    assert_ptr_equal(exchange_variant_named("auto"), fastest);
}

int main(void)
{
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } each[] = {
        {"batch_sizes", batch_sizes},
        {"mixes", mixes},
        {"few_shapes", few_shapes},
        {"cookie_counts", cookie_counts},
        {"ad_lengths", ad_lengths},
        {"bad_lanes", bad_lanes},
        {"forged_tags", forged_tags},
        {"wrong_direction", wrong_direction},
        {"refused_is_blank", refused_is_blank},
    };
    enum { N_EACH = sizeof each / sizeof *each, MAX_TESTS = 64 };
    static struct CMUnitTest tests[MAX_TESTS];
    static char titles[MAX_TESTS][64];
    size_t n = 0;
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(names);
    for (unsigned v = 0; exchange_variants[v] != NULL; v++)
        for (unsigned t = 0; t < N_EACH; t++, n++) {
            assert(n < MAX_TESTS);
            snprintf(titles[n], sizeof titles[n], "%s.%s", exchange_variants[v]->name,
                     each[t].name);
            tests[n] = (struct CMUnitTest){
                .name = titles[n],
                .test_func = each[t].run,
                .initial_state = (void *)exchange_variants[v],
            };
        }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return _cmocka_run_group_tests("exchange", tests, n, NULL, NULL);
}
