// The true departures of earlier replies, by the receive timestamps of those replies: what
// interleaved mode needs to remember (RFC 9769, section 2). An entry is a pair of words; a bucket
// is one cache line of four entries, and a new entry replaces the oldest of its bucket. So every
// call costs one cache line, memory never grows, and nothing is ever moved.
//
// One thread, the owner, saves. Any thread may take: an entry is handed out once (IL-3). No lock.
// A table is void for everyone who sees another generation of the clock than the one under which an
// entry was saved (IL-10).
#pragma once

#include "base/ntp_time.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TABLE_WAYS = 4,          // entries of a bucket
    TABLE_BUCKETS_LOG2 = 16, // by default: 2^18 entries, 4 MiB
};

struct table_entry {
    _Atomic uint64_t key;       // 0: free. Writers: the owner; who takes it, who sets it to 0
    _Atomic uint64_t departure; // writer: the owner, while key is 0
};

struct table_bucket {
    _Alignas(64) struct table_entry entry[TABLE_WAYS];
};
static_assert(sizeof(struct table_bucket) == 64, "a bucket is one cache line");

struct table {
    struct table_bucket *bucket; // the caller's memory
    uint32_t buckets_log2;
    _Atomic uint64_t secret; // 0: not set yet. Writer: the owner, once; readers: all
};

// Octets of memory for a table of so many buckets.
static inline size_t table_len(uint32_t buckets_log2)
{
    return sizeof(struct table_bucket) << buckets_log2;
}

// Makes an empty table of 2^buckets_log2 buckets, 1 to 32, over table_len() octets of zeros that
// are aligned to 64. The memory stays the caller's.
void table_open(struct table *table, void *zeros, uint32_t buckets_log2);

// The owner sets the secret, once and before the first save. Without it nobody can tell which
// entries share a bucket. It is not 0.
void table_set_secret(struct table *table, uint64_t secret);

// Has the owner set the secret?
bool table_is_ready(const struct table *table);

// The owner remembers when the reply with that receive timestamp left. departure is not 0. If there
// is an entry with that receive timestamp, nobody can tell the two replies apart: none is kept.
void table_save(struct table *table, uint32_t generation, ntp_time receive, ntp_time departure);

// Takes out the departure of the reply with that receive timestamp. 0: there is none, or no more.
ntp_time table_take(struct table *table, uint32_t generation, ntp_time receive);

// Begins to load the bucket of that receive timestamp.
void table_prefetch(const struct table *table, uint32_t generation, ntp_time receive);
