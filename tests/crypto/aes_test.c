// AES with one key, every implementation that this machine can run, against FIPS 197 and nettle.
#include "crypto/aes.h"

#include "tests/crypto/support.h"

#include <nettle/aes.h>

enum { BLOCKS = 40 };

static void encrypt_one(const struct aes *aes, const uint8_t key[16], const uint8_t in[16],
                        uint8_t out[16])
{
    uint8_t schedule[AES_SCHEDULE_LEN];
    aes->expand(schedule, key);
    memset(out, 0, 16);
    aes->chain(schedule, out, in, 1);
}

// FIPS 197, appendix C.1 (a block) and A.1 (the last round key).
static void known_answers(void **state)
{
    (void)state;
    uint8_t key[16], in[16], want[16], out[16], schedule[AES_SCHEDULE_LEN];
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        if (!aes_all[i]->usable())
            continue;
        from_hex(key, "000102030405060708090a0b0c0d0e0f");
        from_hex(in, "00112233445566778899aabbccddeeff");
        from_hex(want, "69c4e0d86a7b0430d8cdb78070b4c55a");
        encrypt_one(aes_all[i], key, in, out);
        assert_memory_equal(out, want, 16);
        from_hex(key, "2b7e151628aed2a6abf7158809cf4f3c");
        from_hex(want, "d014f9a8c9ee2589e13f0cc8b6630ca6");
        aes_all[i]->expand(schedule, key);
        assert_memory_equal(schedule, key, 16);
        assert_memory_equal(schedule + 160, want, 16);
    }
}

// Enough blocks that each of the S-box's inputs occurs in each octet of the state.
static void blocks(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        if (!aes_all[i]->usable())
            continue;
        for (unsigned round = 0; round < 2000; round++) {
            uint8_t key[16], in[16], want[16], out[16];
            fill_mixed(&seed, key, 16);
            fill_mixed(&seed, in, 16);
            struct aes128_ctx nettle;
            aes128_set_encrypt_key(&nettle, key);
            aes128_encrypt(&nettle, 16, want, in);
            encrypt_one(aes_all[i], key, in, out);
            assert_memory_equal(out, want, 16);
        }
    }
}

// A chain of n blocks is n chains of one; a stream is its counters, carries included.
static void chains_and_streams(void **state)
{
    (void)state;
    static const char *const counters[] = {
        "00000000000000000000000000000000", "000000000000000000000000fffffffe",
        "0123456789abcdeffffffffffffffff0", "0123456789abcdefffffffffffffffd8",
        "ffffffffffffffffffffffffffffffff",
    };
    uint64_t seed = 2;
    uint8_t key[16], in[16 * BLOCKS], schedule[AES_SCHEDULE_LEN];
    fill_mixed(&seed, key, 16);
    fill_mixed(&seed, in, sizeof in);
    struct aes128_ctx nettle;
    aes128_set_encrypt_key(&nettle, key);
    for (unsigned i = 0; aes_all[i] != NULL; i++) {
        const struct aes *aes = aes_all[i];
        if (!aes->usable())
            continue;
        aes->expand(schedule, key);
        for (size_t n = 0; n <= BLOCKS; n++) {
            uint8_t want[16] = {0}, got[16] = {0};
            for (size_t b = 0; b < n; b++) {
                for (unsigned o = 0; o < 16; o++)
                    want[o] ^= in[16 * b + o];
                aes128_encrypt(&nettle, 16, want, want);
            }
            aes->chain(schedule, got, in, n);
            assert_memory_equal(got, want, 16);

            for (unsigned c = 0; c < sizeof counters / sizeof *counters; c++) {
                uint8_t ours[16], theirs[16], out[16 * BLOCKS + 1], block[16];
                from_hex(ours, counters[c]);
                from_hex(theirs, counters[c]);
                out[16 * n] = 0x77;
                aes->stream(schedule, ours, out, n);
                assert_int_equal(out[16 * n], 0x77);
                for (size_t b = 0; b < n; b++) {
                    aes128_encrypt(&nettle, 16, block, theirs);
                    assert_memory_equal(out + 16 * b, block, 16);
                    for (unsigned o = 16; o-- > 0 && ++theirs[o] == 0;)
                        ;
                }
                assert_memory_equal(ours, theirs, 16);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(blocks),
        cmocka_unit_test(chains_and_streams),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
