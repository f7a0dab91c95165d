#include "board/limited.h"

#include <string.h>

enum { WORDS = sizeof(struct limited_source) / sizeof(uint64_t) };

static void load(const struct limited_entry *entry, struct limited_source *source)
{
    uint64_t word[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        word[i] = atomic_load_explicit(&entry->word[i], memory_order_acquire);
    memcpy(source, word, sizeof word);
}

// The words are written between an odd and an even sequence. Release and acquire without fences,
// as in snapshot.c: a reader that gets one of these words sees then that the sequence has moved.
static void store(struct limited_entry *entry, const struct limited_source *source)
{
    // Even, also after a predecessor that died while it wrote.
    const uint64_t sequence =
        (atomic_load_explicit(&entry->sequence, memory_order_relaxed) + 1) & ~UINT64_C(1);
    uint64_t word[WORDS];
    memcpy(word, source, sizeof word);
    atomic_store_explicit(&entry->sequence, sequence + 1, memory_order_relaxed);
    for (unsigned i = 0; i < WORDS; i++)
        atomic_store_explicit(&entry->word[i], word[i], memory_order_release);
    atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
}

// The place of the source, or else the one that was noted first of all.
void limited_note(struct limited_sources *sources, const struct limited_source *source, uint64_t n)
{
    struct limited_source noted = *source;
    struct limited_entry *place = &sources->entry[0];
    uint64_t oldest = 0;
    noted.n = n;
    for (unsigned i = 0; i < LIMITED_SOURCES; i++) {
        struct limited_entry *entry = &sources->entry[i];
        struct limited_source other;
        load(entry, &other);
        const bool used = atomic_load_explicit(&entry->sequence, memory_order_relaxed) != 0;
        if (used && other.prefix == source->prefix && other.v6 == source->v6 &&
            other.by == source->by) {
            noted.n += other.n;
            store(entry, &noted);
            return;
        }
        const uint64_t age = used ? source->tsc - other.tsc : UINT64_MAX;
        if (age > oldest) {
            oldest = age;
            place = entry;
        }
    }
    store(place, &noted);
}

size_t limited_read(const struct limited_sources *sources,
                    struct limited_source out[LIMITED_SOURCES])
{
    size_t n = 0;
    for (unsigned i = 0; i < LIMITED_SOURCES; i++) {
        const struct limited_entry *entry = &sources->entry[i];
        const uint64_t before = atomic_load_explicit(&entry->sequence, memory_order_acquire);
        load(entry, &out[n]);
        const uint64_t after = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
        n += before != 0 && before % 2 == 0 && before == after;
    }
    return n;
}
