// A floor, written with the vocabulary that the includer has chosen (crypto/lanes_*.h). Pure; any
// thread.
#pragma once

// Rounds for each of BLOCK_LANES lanes: eight vectors in flight hide the latency of a round on
// every processor that has these instructions.
static inline void floor_run_rounds(unsigned rounds)
{
    const vec key = vec_spread32(1, 2, 3, 4);
    vec a = vec_zero(), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    // Hides from the compiler that all are equal.
    __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h));
    for (unsigned i = 0; i < rounds * BLOCK_VECS / 8; i++) {
        a = vec_enc(a, key);
        b = vec_enc(b, key);
        c = vec_enc(c, key);
        d = vec_enc(d, key);
        e = vec_enc(e, key);
        f = vec_enc(f, key);
        g = vec_enc(g, key);
        h = vec_enc(h, key);
    }
    a = vec_xor(vec_xor(vec_xor(a, b), vec_xor(c, d)), vec_xor(vec_xor(e, f), vec_xor(g, h)));
    __asm__ volatile("" : : "x"(a)); // so that the compiler does not remove unused results
}
