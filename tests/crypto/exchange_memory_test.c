// The memory accesses of a kernel: it reads and writes no octet outside of its lanes, and no part
// of the clients' keys and cookie keys stays on the stack. For each variant that this machine can
// run.
#include "crypto/siv_core.h"
#include "tests/crypto/exchange_reference.h"
#include "tests/crypto/memory.h"
#include "tests/crypto/support.h"

#include <stdbool.h>
#include <stdlib.h>

static struct bench bench;
static struct exchange_sessions sessions; // the kernels name the sessions, too

// One lane whose six buffers are fenced. A touch outside them ends the test by a signal.
static void run_fenced(const struct exchange_variant *variant, unsigned l, bool at_end)
{
    struct exchange x = bench.x;
    struct lane_memory *m = &bench.lane[l];
    struct fenced f[] = {
        fence(m->cookie, COOKIE_LEN, at_end),
        fence(m->request, x.shape[l].request_len, at_end),
        fence(m->request_seal, 32, at_end),
        fence(m->reply, x.shape[l].reply_len, at_end),
        fence(m->reply_seal, 32 + (size_t)x.shape[l].n_cookies * EXCHANGE_STRIDE, at_end),
        fence(m->random, 16 * (size_t)(1 + x.shape[l].n_cookies), at_end),
    };
    x.cookie[l] = f[0].at;
    x.request[l] = f[1].at;
    x.request_seal[l] = f[2].at;
    x.reply[l] = f[3].at;
    x.reply_seal[l] = f[4].at;
    x.random[l] = f[5].at;
    assert_int_equal(variant->run(&x, lane_bit(l)), lane_bit(l));
    for (unsigned i = 0; i < sizeof f / sizeof *f; i++)
        fence_free(f[i]);
}

static void bounds(void **state)
{
    (void)state;
    uint64_t seed = 40;
    bench_start(&bench, &seed);
    fill_mixed(&seed, sessions.veil, sizeof sessions.veil);
    bench.x.sessions = &sessions;
    for (unsigned l = 0; l < 32; l++)
        bench_lane(&bench, l, l % 2 ? &bench.seal_key : &bench.old_key, (uint16_t)(16 + l),
                   (uint16_t)(47 - l), (uint8_t)(1 + l / 2 % 8), &seed);
    for (unsigned v = 0; exchange_variants[AEAD_SIV_CMAC_256][v] != NULL; v++)
        for (unsigned l = 0; l < 32 && exchange_variants[AEAD_SIV_CMAC_256][v]->usable(); l++) {
            run_fenced(exchange_variants[AEAD_SIV_CMAC_256][v], l, true);
            run_fenced(exchange_variants[AEAD_SIV_CMAC_256][v], l, false);
        }
}

struct call {
    const struct exchange_variant *variant;
    lane_set which, proven;
};

static void *run_call(void *argument)
{
    struct call *call = argument;
    call->proven = call->variant->run(&bench.x, call->which);
    return NULL;
}

// A key of AES-SIV, or what AES-CMAC derives from it.
static bool has_siv_key(const uint8_t *stack, const uint8_t secret[SIV_KEY_LEN])
{
    struct cookie_key key;
    siv_core_start(aes_best(), &key, secret);
    return stack_has_key(stack, secret) || stack_has_key(stack, secret + 16) ||
           stack_has_block(stack, key.subkey1) || stack_has_block(stack, key.subkey2);
}

// CMAC's last block of a message under a client's key, which says its subkey to who knows the
// message. len is no multiple of 16.
static bool has_last_block(const uint8_t *stack, const uint8_t *secret, const uint8_t *message,
                           unsigned len)
{
    uint8_t last[16] = {0};
    struct cookie_key key;
    siv_core_start(aes_best(), &key, secret);
    unsigned rest = len % 16;
    memcpy(last, message + len - rest, rest);
    last[rest] = 0x80;
    for (unsigned i = 0; i < 16; i++)
        last[i] ^= key.subkey2[i];
    return stack_has_block(stack, last);
}

static bool has_secrets(const uint8_t *stack, unsigned l)
{
    const struct lane_memory *m = &bench.lane[l];
    const struct exchange_shape *shape = &bench.x.shape[l];
    return has_siv_key(stack, m->keys) || has_siv_key(stack, m->keys + SIV_KEY_LEN) ||
           has_last_block(stack, m->keys, m->request, shape->request_len) ||
           has_last_block(stack, m->keys + SIV_KEY_LEN, m->reply, shape->reply_len);
}

// A group of the portable kernel: up to eight lanes from this one on, and it again.
static bool has_group(const uint8_t *stack, unsigned first, unsigned n)
{
    bool found = false;
    for (unsigned half = 0; half < COOKIE_KEYS_LEN; half += 16) {
        const uint8_t *key[8];
        for (unsigned l = 0; l < 8; l++)
            key[l] = bench.lane[l < n ? first + l : first].keys + half;
        found = found || stack_has_planes(stack, key);
    }
    return found;
}

// Cookie keys are the same in all lanes.
static bool has_cookie_key(const uint8_t *stack, const struct cookie_key *cookie_key)
{
    const uint8_t *const half[] = {cookie_key->mac_schedule[0], cookie_key->ctr_schedule[0]};
    bool found = false;
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *const key[8] = {half[i], half[i], half[i], half[i],
                                       half[i], half[i], half[i], half[i]};
        found = found || stack_has_key(stack, half[i]) || stack_has_planes(stack, key);
    }
    return found || stack_has_block(stack, cookie_key->subkey1);
}

static void search_stack(const struct exchange_variant *variant, lane_set which)
{
    struct call call = {variant, which, 0};
    uint8_t *stack = stack_after(run_call, &call);
    unsigned n = lane_count(which);
    assert_true(call.proven == which);
    for (unsigned l = 0; l < n; l++) {
        if (has_secrets(stack, l))
            fail_msg("%s of %u lanes leaves a secret of lane %u", variant->name, n, l);
        if (l % 8 == 0 && has_group(stack, l, n))
            fail_msg("%s of %u lanes leaves planes of lane %u", variant->name, n, l);
    }
    if (has_cookie_key(stack, &bench.seal_key) || has_cookie_key(stack, &bench.old_key))
        fail_msg("%s of %u lanes leaves a cookie key", variant->name, n);
    free(stack);
}

static void nothing_stays(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("# a sanitizer runs threads on a stack of its own\n");
        skip();
    }
    uint64_t seed = 41;
    bench_start(&bench, &seed);
    fill_mixed(&seed, sessions.veil, sizeof sessions.veil);
    bench.x.sessions = &sessions;
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, l / 8 % 2 ? &bench.seal_key : &bench.old_key, 188, 84, 1, &seed);
    bench_point(&bench);
    // Few lanes have kernels of their own.
    static const unsigned many[] = {1, 2, 4, LANES};
    for (unsigned v = 0; exchange_variants[AEAD_SIV_CMAC_256][v] != NULL; v++)
        for (unsigned i = 0;
             i < sizeof many / sizeof *many && exchange_variants[AEAD_SIV_CMAC_256][v]->usable();
             i++)
            search_stack(exchange_variants[AEAD_SIV_CMAC_256][v], lane_first(many[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds),
        cmocka_unit_test(nothing_stays),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
