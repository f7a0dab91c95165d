// The rows of the keys' counters.
#include "board/key_counters.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_in(uint64_t key, const uint32_t *id, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (key == (KEY_COUNTED | id[i]))
            return true;
    return false;
}

// The row with that word, or NULL.
static struct key_counter *row_with(struct key_counters *counters, uint64_t key)
{
    for (uint32_t r = 0; r < COOKIE_KEYS_MAX; r++)
        if (atomic_load_explicit(&counters->row[r].key, memory_order_relaxed) == key)
            return &counters->row[r];
    return NULL;
}

// Partner of the release and of the fence below: key_counters_read.
static struct key_counter *take_row(struct key_counters *counters, uint64_t key)
{
    struct key_counter *row = row_with(counters, 0); // there are as many rows as keys
    atomic_store_explicit(&row->opened, 0, memory_order_relaxed);
    atomic_store_explicit(&row->sealed, 0, memory_order_relaxed);
    atomic_store_explicit(&row->key, key, memory_order_release);
    return row;
}

void key_counters_follow(struct key_counters *counters, const uint32_t *id, uint32_t n,
                         uint8_t *row)
{
    for (uint32_t r = 0; r < COOKIE_KEYS_MAX; r++)
        if (!is_in(atomic_load_explicit(&counters->row[r].key, memory_order_relaxed), id, n))
            atomic_store_explicit(&counters->row[r].key, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); // a row is free before it has other counts
    for (uint32_t i = 0; i < n; i++) {
        struct key_counter *found = row_with(counters, KEY_COUNTED | id[i]);
        if (found == NULL)
            found = take_row(counters, KEY_COUNTED | id[i]);
        row[i] = (uint8_t)(found - counters->row);
    }
}

void key_counters_read(const struct key_counters *counters, uint32_t id, struct key_count *sum)
{
    for (uint32_t r = 0; r < COOKIE_KEYS_MAX; r++) {
        const struct key_counter *row = &counters->row[r];
        if (atomic_load_explicit(&row->key, memory_order_acquire) != (KEY_COUNTED | id))
            continue;
        const uint64_t opened = atomic_load_explicit(&row->opened, memory_order_relaxed);
        const uint64_t sealed = atomic_load_explicit(&row->sealed, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        // It was given to another key meanwhile: this one is not in use any more.
        if (atomic_load_explicit(&row->key, memory_order_relaxed) != (KEY_COUNTED | id))
            continue;
        sum->opened += opened;
        sum->sealed += sealed;
    }
}
