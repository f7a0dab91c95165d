// What a kernel touches, and what it leaves behind: no octet outside its lanes is read or written,
// and nothing of the clients' keys stays on the stack. On each variant that this machine can run.
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
        fence(m->ask, x.ask_len[l], at_end),
        fence(m->ask_seal, 32, at_end),
        fence(m->reply, x.reply_len[l], at_end),
        fence(m->reply_seal, 32 + (size_t)x.n_cookies[l] * EXCHANGE_STRIDE, at_end),
        fence(m->random, 16 * (size_t)(1 + x.n_cookies[l]), at_end),
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

// Searches the stack of a run for the clients' keys.
static void search_stack(const struct exchange_variant *variant)
{
    struct call call = {variant, 0};
    uint8_t *stack = stack_after(run_call, &call);
    assert_true(call.proven == ~(lane_set)0);
    for (unsigned l = 0; l < LANES; l++)
        for (unsigned half = 0; half < COOKIE_KEYS_LEN; half += 16)
            if (stack_has_key(stack, bench.lane[l].keys + half))
                fail_msg("%s leaves half %u of lane %u", variant->name, half / 16, l);
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
