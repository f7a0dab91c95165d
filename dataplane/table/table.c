// Buckets, ages, and the order of the two words of an entry.
#include "dataplane/table/table.h"

#include <assert.h>

// A key is the receive timestamp under the secret and the generation. Entries of another generation
// have keys that no receive timestamp of this one has.
static uint64_t veil(uint64_t secret, uint32_t generation)
{
    return secret ^ generation * UINT64_C(0x9e3779b97f4a7c15);
}

// A timestamp whose key would be 0 is neither saved nor found.
static uint64_t key_of(uint64_t secret, uint32_t generation, ntp_time receive)
{
    return receive ^ veil(secret, generation);
}

// Multiplication by a secret odd number: clients know receive timestamps, but not which of them
// share a bucket.
static struct table_bucket *bucket_of(const struct table *table, uint64_t secret, uint64_t key)
{
    return &table->bucket[key * (secret | 1) >> (64 - table->buckets_log2)];
}

void table_open(struct table *table, void *zeros, uint32_t buckets_log2)
{
    assert(buckets_log2 >= 1 && buckets_log2 <= 32);
    *table = (struct table){.bucket = zeros, .buckets_log2 = buckets_log2};
}

void table_set_secret(struct table *table, uint64_t secret)
{
    assert(secret != 0);
    // The entries are all free then, so nothing is published with it.
    atomic_store_explicit(&table->secret, secret, memory_order_relaxed);
}

bool table_is_ready(const struct table *table)
{
    return atomic_load_explicit(&table->secret, memory_order_relaxed) != 0;
}

// How long before `receive` an entry's own receive timestamp was. A free entry is the oldest; one
// of another generation has a random age.
static uint64_t age_of(uint64_t key, uint64_t hidden, ntp_time receive)
{
    return key == 0 ? UINT64_MAX : receive - (key ^ hidden);
}

void table_save(struct table *table, uint32_t generation, ntp_time receive, ntp_time departure)
{
    uint64_t secret = atomic_load_explicit(&table->secret, memory_order_relaxed);
    uint64_t key = key_of(secret, generation, receive);
    if (secret == 0 || key == 0)
        return;
    struct table_entry *entry = bucket_of(table, secret, key)->entry;
    struct table_entry *oldest = entry;
    uint64_t most = 0;
    for (unsigned i = 0; i < TABLE_WAYS; i++) {
        uint64_t other = atomic_load_explicit(&entry[i].key, memory_order_relaxed);
        if (other == key) { // RFC 9769, section 2: receive timestamps that are not unique
            atomic_store_explicit(&entry[i].key, 0, memory_order_relaxed);
            return;
        }
        uint64_t age = age_of(other, veil(secret, generation), receive);
        if (age > most) {
            most = age;
            oldest = &entry[i];
        }
    }
    // table_take reads the key, the departure and the key again. So the words are written in this
    // order: no key, departure, key. Release: partner in table_take.
    atomic_store_explicit(&oldest->key, 0, memory_order_relaxed);
    atomic_store_explicit(&oldest->departure, departure, memory_order_release);
    atomic_store_explicit(&oldest->key, key, memory_order_release);
}

ntp_time table_take(struct table *table, uint32_t generation, ntp_time receive)
{
    uint64_t secret = atomic_load_explicit(&table->secret, memory_order_relaxed);
    uint64_t key = key_of(secret, generation, receive);
    if (secret == 0 || key == 0)
        return 0;
    struct table_entry *entry = bucket_of(table, secret, key)->entry;
    for (unsigned i = 0; i < TABLE_WAYS; i++) {
        // Acquire: the departure is the one of this key or, if the owner has replaced the entry
        // since, of a later one. In that case the key was removed before, so the exchange fails.
        // Receive timestamps are unique: a key never comes back.
        if (atomic_load_explicit(&entry[i].key, memory_order_acquire) != key)
            continue;
        ntp_time departure = atomic_load_explicit(&entry[i].departure, memory_order_acquire);
        uint64_t wanted = key;
        return atomic_compare_exchange_strong_explicit(&entry[i].key, &wanted, 0,
                                                       memory_order_acq_rel, memory_order_relaxed)
                   ? departure
                   : 0;
    }
    return 0;
}

void table_prefetch(const struct table *table, uint32_t generation, ntp_time receive)
{
    uint64_t secret = atomic_load_explicit(&table->secret, memory_order_relaxed);
    if (secret != 0)
        __builtin_prefetch(bucket_of(table, secret, key_of(secret, generation, receive)), 1);
}
