// A small record that one thread writes and other threads read, in this process or in another one:
// two slots under a sequence number. One writer; wait-free readers, each with a copy of its own. If
// a writer dies in the middle, the last complete slot stays readable, and its successor continues
// from there.
//
// Layout in shared memory: sequence, then two slots of 64-bit words. Slot sequence % 2 is complete;
// the writer fills the other one and then increments the sequence. Sequence 0: never published.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAPSHOT_WORDS_MAX = 64 }; // a record is at most 512 octets

struct snapshot {
    _Alignas(64) _Atomic uint64_t sequence; // writer: the publisher; readers: any thread
    _Alignas(64) _Atomic uint64_t slot[2][SNAPSHOT_WORDS_MAX];
};

// Publishes len octets (a multiple of 8, at most 8 * SNAPSHOT_WORDS_MAX). One writer at a time.
void snapshot_publish(struct snapshot *snapshot, const void *record, size_t len);

// One load: has a record been published since the reader's copy with that sequence?
static inline bool snapshot_moved(const struct snapshot *snapshot, uint64_t seen)
{
    // Relaxed: the answer only decides whether to call snapshot_read, which acquires.
    return atomic_load_explicit(&snapshot->sequence, memory_order_relaxed) != seen;
}

// Copies the last complete record to out and its sequence to seen. False, with both unchanged, when
// nothing has been published or the writer overtook the copy: then the reader keeps its old copy
// and reads again later. Never waits.
bool snapshot_read(const struct snapshot *snapshot, void *out, size_t len, uint64_t *seen);
