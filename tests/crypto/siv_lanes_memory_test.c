// The memory accesses of AES-SIV over lanes: it reads and writes only the octets that
// client_lanes.h names, it does not use pointers that a call does not need, and no part of the keys
// stays on the stack. For each variant that this machine can run.
#include "tests/crypto/memory.h"
#include "tests/crypto/siv_lanes_messages.h"
#include "tests/crypto/support.h"

#include <stdlib.h>

static struct messages messages;

// One lane whose six buffers are fenced.
static void run_fenced(const struct client_variant *variant, unsigned l, bool at_end)
{
    const struct message *m = &messages.lane[l];
    size_t room = message_room(messages.s.len[l]);
    struct fenced f[] = {
        fence(m->key, SIV_KEY_LEN, at_end),           fence(m->ad, messages.s.ad_len[l], at_end),
        fence(m->nonce, MESSAGE_NONCE_LEN, at_end),   fence(m->tag, SIV_TAG_LEN, at_end),
        fence(m->sealed, SIV_TAG_LEN + room, at_end), fence(m->plain, room, at_end),
    };
    static struct client_lanes seal, open, decrypt;
    seal.key[l] = open.key[l] = decrypt.key[l] = f[0].at;
    seal.ad[l] = open.ad[l] = f[1].at;
    seal.ad_len[l] = open.ad_len[l] = messages.s.ad_len[l];
    seal.nonce[l] = open.nonce[l] = f[2].at;
    seal.tag[l] = f[3].at;
    open.sealed[l] = decrypt.sealed[l] = f[4].at;
    open.plain[l] = decrypt.plain[l] = f[5].at;
    open.len[l] = decrypt.len[l] = messages.s.len[l];
    variant->seal(&seal, lane_bit(l));
    variant->decrypt(&decrypt, lane_bit(l));
    assert_int_equal(variant->open(&open, lane_bit(l)), lane_bit(l));
    // Wiping stays inside, too.
    f[4].at[0] ^= 1;
    assert_int_equal(variant->open(&open, lane_bit(l)), 0);
    for (unsigned i = 0; i < sizeof f / sizeof *f; i++)
        fence_free(f[i]);
}

static void bounds(void **state)
{
    (void)state;
    uint64_t seed = 60;
    for (unsigned l = 0; l < 36; l++)
        messages_lane(&messages, l, (uint16_t)(16 + l), (uint16_t)(51 - l), &seed);
    for (unsigned v = 0; client_variants[AEAD_SIV_CMAC_256][v] != NULL; v++)
        for (unsigned l = 0; l < 36 && client_variants[AEAD_SIV_CMAC_256][v]->usable(); l++) {
            run_fenced(client_variants[AEAD_SIV_CMAC_256][v], l, true);
            run_fenced(client_variants[AEAD_SIV_CMAC_256][v], l, false);
        }
}

struct call {
    const struct client_variant *variant;
    enum { SEAL, OPEN, DECRYPT, N_WORKS } work;
};

static void *run_call(void *argument)
{
    struct call *call = argument;
    lane_set all = ~(lane_set)0;
    if (call->work == SEAL)
        call->variant->seal(&messages.s, all);
    if (call->work == OPEN)
        call->variant->open(&messages.s, all);
    if (call->work == DECRYPT)
        call->variant->decrypt(&messages.s, all);
    return NULL;
}

// A group of the portable kernel.
static bool has_group(const uint8_t *stack, unsigned first, unsigned half)
{
    const uint8_t *key[8];
    for (unsigned l = 0; l < 8; l++)
        key[l] = messages.lane[first + l].key + half;
    return stack_has_planes(stack, key);
}

static void search_stack(const struct client_variant *variant)
{
    for (unsigned work = 0; work < N_WORKS; work++) {
        struct call call = {variant, work};
        uint8_t *stack = stack_after(run_call, &call);
        for (unsigned l = 0; l < LANES; l++)
            for (unsigned half = 0; half < SIV_KEY_LEN; half += 16)
                if (stack_has_key(stack, messages.lane[l].key + half) ||
                    (l % 8 == 0 && has_group(stack, l, half)))
                    fail_msg("%s, work %u leaves half %u of lane %u", variant->name, work,
                             half / 16, l);
        free(stack);
    }
}

static void nothing_stays(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("# a sanitizer runs threads on a stack of its own\n");
        skip();
    }
    uint64_t seed = 61;
    for (unsigned l = 0; l < LANES; l++)
        messages_lane(&messages, l, 84, 104, &seed);
    for (unsigned v = 0; client_variants[AEAD_SIV_CMAC_256][v] != NULL; v++)
        if (client_variants[AEAD_SIV_CMAC_256][v]->usable())
            search_stack(client_variants[AEAD_SIV_CMAC_256][v]);
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
