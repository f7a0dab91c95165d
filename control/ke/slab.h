// Memory of sessions, which goes back to the system when a crowd of them has gone. libc's free
// cannot do that in a process whose memory is locked: it gives pages back by madvise, which the
// kernel refuses for locked ones. Here each block lies in a span, a mapping of its own for blocks
// of one size, and a span without blocks is unmapped.
//
// Any thread may free any block. Each thread takes blocks from a heap of its own, so that what
// lives long, like the certificates that the main thread reads, does not lie among sessions. A
// block that another thread gives back is its heap's again when the heap's thread next takes a
// block or rests; when that thread has ended, never.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Call it once, before the other functions; later calls do nothing. False: the system gave no
// random octets.
bool slab_open(void);

// A block of at least len octets, aligned to 16, not cleared; len > 0. NULL when memory runs out.
void *slab_take(size_t len);

// How many octets of a block its owner may use: at least what was asked for.
size_t slab_room(const void *at);

// Wipes a block, all of its room, and gives it back. Aborts when it was given back before, or when
// the block below was overrun.
void slab_give(void *at);

// For each thread to call about once a second: unmaps those spans of its heap that have been
// without blocks since the last call. What a thread uses each second stays mapped.
void slab_rest(void);

// The octets that are mapped, for tests.
size_t slab_mapped(void);
