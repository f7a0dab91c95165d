// The keyword for each function of the kernels and their vocabularies. They must be compiled into
// one function, in which blocks stay in registers; otherwise compilers split it, and pass blocks in
// memory.
#pragma once

#ifndef hot_inline // builds with sanitizers or emulated instructions define their own: one function
                   // would be too big
#define hot_inline static inline __attribute__((always_inline))
#endif
