// The word before each function of the kernels and their vocabularies. They must become one piece
// of code, in which blocks live in registers; compilers left to themselves cut it, and hand blocks
// over in memory.
#pragma once

#ifndef hot_inline // sanitizers and emulated instructions have their own: one piece would be too
                   // big
#define hot_inline static inline __attribute__((always_inline))
#endif
