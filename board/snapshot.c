// The slow half of the snapshot: publishing a record and copying it out; snapshot.h has the layout.
//
// The words use release and acquire themselves, without two fences around them: on x86 that is the
// same plain move, and thread sanitizers understand it; they do not understand fences.
#include "board/snapshot.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

void snapshot_publish(struct snapshot *snapshot, const void *record, size_t len)
{
    assert(len % 8 == 0 && len <= 8 * (size_t)SNAPSHOT_WORDS_MAX);

    // Acquire, partner: the release below, in a predecessor that has died. A record that it left
    // half written is in the slot that is filled now, so nothing else needs repair.
    uint64_t sequence = atomic_load_explicit(&snapshot->sequence, memory_order_acquire) + 1;
    _Atomic uint64_t *slot = snapshot->slot[sequence % 2];

    for (size_t i = 0; i < len / 8; i++) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)record + 8 * i, sizeof word);
        // Release, partner: the acquire of the words in snapshot_read. A reader may still be
        // copying the last but one record out of this slot. If it reads one of these words, it will
        // see that the sequence has moved when it checks again.
        atomic_store_explicit(&slot[i], word, memory_order_release);
    }

    // Release, partner: the first acquire in snapshot_read. A reader that sees the new number sees
    // all words.
    atomic_store_explicit(&snapshot->sequence, sequence, memory_order_release);
}

bool snapshot_read(const struct snapshot *snapshot, void *out, size_t len, uint64_t *seen)
{
    assert(len % 8 == 0 && len <= 8 * (size_t)SNAPSHOT_WORDS_MAX);

    // Acquire, partner: the last release in snapshot_publish.
    uint64_t sequence = atomic_load_explicit(&snapshot->sequence, memory_order_acquire);
    if (sequence == 0)
        return false;
    const _Atomic uint64_t *slot = snapshot->slot[sequence % 2];

    uint64_t copy[SNAPSHOT_WORDS_MAX];
    for (size_t i = 0; i < len / 8; i++) {
        // Acquire, partner: the release of the words in snapshot_publish. The second load of the
        // sequence cannot move before any of these loads.
        copy[i] = atomic_load_explicit(&slot[i], memory_order_acquire);
    }

    // The slot is not written again before the sequence has moved on.
    bool whole = atomic_load_explicit(&snapshot->sequence, memory_order_relaxed) == sequence;
    if (whole) {
        memcpy(out, copy, len);
        *seen = sequence;
    }
    bytes_wipe(copy, len); // keys pass through here
    return whole;
}
