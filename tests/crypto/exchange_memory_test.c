// What a kernel touches, and what it leaves behind: no octet outside its lanes is read or written,
// and nothing of the clients' keys stays on the stack. On each variant that this machine can run.
#include "crypto/aes.h"
#include "tests/crypto/exchange_reference.h"
#include "tests/crypto/support.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, STACK_LEN = 256 * 1024 };

// len octets between two pages that nobody may touch: at the end of theirs, or at its start.
struct fenced {
    uint8_t *pages;
    uint8_t *at;
};

static struct fenced fence(const uint8_t *from, size_t len, bool at_end)
{
    struct fenced f;
    f.pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(f.pages != MAP_FAILED && len <= PAGE);
    assert_int_equal(mprotect(f.pages, PAGE, PROT_NONE), 0);
    assert_int_equal(mprotect(f.pages + 2 * PAGE, PAGE, PROT_NONE), 0);
    f.at = f.pages + PAGE + (at_end ? PAGE - len : 0);
    memcpy(f.at, from, len);
    return f;
}

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
        munmap(f[i].pages, 3 * PAGE);
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

// Runs the variant on a stack of the test's own, which is then searched for the clients' keys, for
// the last round keys of their schedules and, to see that the search can find something, for an
// address that has to be there.
static void search_stack(const struct exchange_variant *variant)
{
    uint8_t *stack = aligned_alloc(PAGE, STACK_LEN);
    if (stack == NULL) {
        fail_msg("no memory for a stack");
        return;
    }
    memset(stack, 0, STACK_LEN);
    pthread_attr_t attributes;
    pthread_t thread;
    struct call call = {variant, 0};
    struct call *address = &call;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_LEN), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run_call, &call), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    assert_true(call.proven == ~(lane_set)0);
    assert_non_null(memmem(stack, STACK_LEN, &address, sizeof address));
    for (unsigned l = 0; l < LANES; l++)
        for (unsigned half = 0; half < COOKIE_KEYS_LEN; half += 16) {
            const uint8_t *key = bench.lane[l].keys + half;
            uint8_t schedule[AES_SCHEDULE_LEN];
            aes_portable.expand(schedule, key);
            if (memmem(stack, STACK_LEN, key, 16) || memmem(stack, STACK_LEN, schedule + 160, 16))
                fail_msg("%s leaves half %u of lane %u", variant->name, half / 16, l);
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
