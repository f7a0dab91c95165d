// AES with one key on AES-NI. Built with its own flags: runs only where `usable` returns true, and
// includes only headers of static inline functions. Pure; any thread. FIPS 197.
#include "crypto/aes.h"

#include "base/bytes.h"
#include "crypto/cpu.h"
#include "crypto/lanes_aesni.h"

static bool aesni_usable(void)
{
    return cpu_has_aesni();
}

void aes_aesni_expand(uint8_t *schedule, const uint8_t key[AES_KEY_LEN])
{
    __m128i k = _mm_loadu_si128((const __m128i *)key);
    _mm_storeu_si128((__m128i *)schedule, k);
    for (unsigned r = 1; r < AES_ROUND_KEYS; r++) {
        k = vec_key_step(k, r);
        _mm_storeu_si128((__m128i *)(schedule + AES_BLOCK_LEN * r), k);
    }
}

static inline __m128i round_key(const uint8_t *schedule, unsigned r)
{
    return _mm_loadu_si128((const __m128i *)(schedule + AES_BLOCK_LEN * r));
}

void aes_aesni_chain(const uint8_t *schedule, uint8_t state[16], const uint8_t *in, size_t n)
{
    __m128i s = _mm_loadu_si128((const __m128i *)state);
    for (size_t i = 0; i < n; i++) {
        s ^= _mm_loadu_si128((const __m128i *)(in + 16 * i)) ^ round_key(schedule, 0);
        for (unsigned r = 1; r < AES_ROUND_KEYS - 1; r++)
            s = vec_enc(s, round_key(schedule, r));
        s = vec_enc_last(s, round_key(schedule, AES_ROUND_KEYS - 1));
    }
    _mm_storeu_si128((__m128i *)state, s);
}

enum { STREAM_WIDTH = 8 }; // blocks in flight: an AES round's latency divided by its throughput

static void aesni_stream(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n)
{
    uint64_t high = be64_get(counter);
    uint64_t low = be64_get(counter + 8);
    while (n > 0) {
        __m128i b[STREAM_WIDTH];
        for (unsigned i = 0; i < STREAM_WIDTH; i++) {
            uint64_t sum = low + i;
            uint64_t carry = sum < low;
            b[i] = _mm_set_epi64x((long long)__builtin_bswap64(sum),
                                  (long long)__builtin_bswap64(high + carry)) ^
                   round_key(schedule, 0);
        }
        for (unsigned r = 1; r < AES_ROUND_KEYS - 1; r++)
            for (unsigned i = 0; i < STREAM_WIDTH; i++)
                b[i] = vec_enc(b[i], round_key(schedule, r));
        unsigned now = n < STREAM_WIDTH ? (unsigned)n : STREAM_WIDTH;
        for (unsigned i = 0; i < STREAM_WIDTH; i++) {
            b[i] = vec_enc_last(b[i], round_key(schedule, AES_ROUND_KEYS - 1));
            if (i < now)
                _mm_storeu_si128((__m128i *)(out + 16 * i), b[i]);
        }
        low += now;
        high += low < now;
        out += 16 * now;
        n -= now;
    }
    be64_put(counter, high);
    be64_put(counter + 8, low);
}

const struct aes aes_aesni = {
    .name = "aesni",
    .usable = aesni_usable,
    .expand = aes_aesni_expand,
    .chain = aes_aesni_chain,
    .stream = aesni_stream,
};
