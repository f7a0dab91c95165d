// What a kernel touches, and what it leaves behind: no octet outside its lanes is read or written,
// and nothing of the clients' keys stays on the stack. On each variant that this machine can run.
#include "crypto/siv_core.h"
#include "tests/crypto/exchange_reference.h"
#include "tests/crypto/memory.h"
#include "tests/crypto/support.h"

#include <stdbool.h>
#include <stdlib.h>

static struct bench bench;

// One lane whose six buffers are fenced. A touch outside them ends the test by a signal.
static void run_fenced(const struct exchange_variant *variant, unsigned l, bool at_end)
{
    struct exchange x = bench.x;
    struct lane_memory *m = &bench.lane[l];
    struct fenced f[] = {
        fence(m->cookie, COOKIE_LEN, at_end),
        fence(m->ask, x.shape[l].ask_len, at_end),
        fence(m->ask_seal, 32, at_end),
        fence(m->reply, x.shape[l].reply_len, at_end),
        fence(m->reply_seal, 32 + (size_t)x.shape[l].n_cookies * EXCHANGE_STRIDE, at_end),
        fence(m->random, 16 * (size_t)(1 + x.shape[l].n_cookies), at_end),
    };
    x.cookie[l] = f[0].at;
    x.ask[l] = f[1].at;
    x.ask_seal[l] = f[2].at;
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
    for (unsigned l = 0; l < 32; l++)
        bench_lane(&bench, l, l % 2 ? &bench.seal_key : &bench.old_key, (uint16_t)(16 + l),
                   (uint16_t)(47 - l), (uint8_t)(1 + l / 2 % 8), &seed);
    for (unsigned v = 0; exchange_variants[v] != NULL; v++)
        for (unsigned l = 0; l < 32 && exchange_variants[v]->usable(); l++) {
            run_fenced(exchange_variants[v], l, true);
            run_fenced(exchange_variants[v], l, false);
        }
}

struct call {
    const struct exchange_variant *variant;
    lane_set proven;
};

static void *run_call(void *argument)
{
    struct call *call = argument;
    call->proven = call->variant->run(&bench.x, ~(lane_set)0);
    return NULL;
}

// CMAC's last block of a message under a client's key, which says its subkey to who knows the
// message. len is no multiple of 16.
static void last_block(const uint8_t *secret, const uint8_t *message, unsigned len, uint8_t out[16])
{
    struct cookie_key key;
    siv_core_start(aes_best(), &key, secret);
    unsigned rest = len % 16;
    memset(out, 0, 16);
    memcpy(out, message + len - rest, rest);
    out[rest] = 0x80;
    for (unsigned i = 0; i < 16; i++)
        out[i] ^= key.subkey2[i];
}

// Searches the stack of a run for the clients' keys, and for CMAC's subkeys over what was staged.
static void search_stack(const struct exchange_variant *variant)
{
    struct call call = {variant, 0};
    uint8_t *stack = stack_after(run_call, &call);
    assert_true(call.proven == ~(lane_set)0);
    for (unsigned l = 0; l < LANES; l++) {
        const struct lane_memory *m = &bench.lane[l];
        for (unsigned half = 0; half < COOKIE_KEYS_LEN; half += 16)
            if (stack_has_key(stack, m->keys + half))
                fail_msg("%s leaves half %u of lane %u", variant->name, half / 16, l);
        uint8_t ask[16], reply[16];
        last_block(m->keys, m->ask, bench.x.shape[l].ask_len, ask);
        last_block(m->keys + SIV_KEY_LEN, m->reply, bench.x.shape[l].reply_len, reply);
        if (stack_has_key(stack, ask) || stack_has_key(stack, reply))
            fail_msg("%s leaves a subkey of lane %u", variant->name, l);
    }
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
    for (unsigned l = 0; l < LANES; l++)
        bench_lane(&bench, l, l % 2 ? &bench.seal_key : &bench.old_key, 188, 84, 1, &seed);
    bench_point(&bench);
    for (unsigned v = 0; exchange_variants[v] != NULL; v++)
        if (exchange_variants[v]->usable())
            search_stack(exchange_variants[v]);
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
