// The one primitive through which a core reads what another writes: a small record in two slots
// under a sequence number. One writer; wait-free readers, who keep a copy of their own. A writer
// that dies in the middle leaves the last complete slot readable, and its successor goes on from
// there.
//
// Layout in shared memory: sequence, then two slots of 64-bit words. Slot sequence % 2 is complete;
// the writer fills the other one and then moves the sequence on. Sequence 0: never published.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAPSHOT_WORDS_MAX = 64 }; // a record is at most 512 octets

struct snapshot {
    _Alignas(64) _Atomic uint64_t sequence; // writer: the publisher; readers: every core
    _Alignas(64) _Atomic uint64_t slot[2][SNAPSHOT_WORDS_MAX];
};

// Publishes len octets (a multiple of 8, at most 8 * SNAPSHOT_WORDS_MAX). One writer at a time.
void snapshot_publish(struct snapshot *snapshot, const void *record, size_t len);

// One load: has something been published since the reader's copy with sequence seen?
static inline bool snapshot_moved(const struct snapshot *snapshot, uint64_t seen)
{
    // Relaxed: the answer only decides whether to call snapshot_read, which acquires.
    return atomic_load_explicit(&snapshot->sequence, memory_order_relaxed) != seen;
}

// Copies the last complete record into out and its sequence into seen; false, with both untouched,
// when nothing has been published or the writer overtook the copy: then the reader keeps what it
// has and asks again later. Never waits.
bool snapshot_read(const struct snapshot *snapshot, void *out, size_t len, uint64_t *seen);
