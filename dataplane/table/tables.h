// The tables of all cores, and how a receive timestamp names the one that has its entry: the number
// of the queue that answered is in its lowest bits, above the tag. So a client's next request may
// arrive on any queue (IL-7).
//
//   63                        ..                         0
//   |  time, random bits below the precision  | number | 1 |      receive timestamps: odd
//   |  time, random bits below the precision           | 0 |      transmit timestamps: even
//
// Constant while cores run, but for the contents of the tables. Pure; any thread.
#pragma once

#include "dataplane/table/table.h"

#include <stdint.h>

enum { TABLES_QUEUES_MAX = 256 };

// A core's own two tables. Replies to requests with NTS have one of their own, from which a request
// without NTS can push nothing out (IL-8).
struct table_pair {
    struct table plain;
    struct table nts;
};

struct tables {
    uint32_t n_queues;                        // at least 1; their numbers are 0 to n_queues - 1
    struct table_pair *of[TABLES_QUEUES_MAX]; // by the queue's number; the pair of its core
};

// The lowest bits of a receive timestamp, tag and number, as a mask. With one queue no bit is used
// for its number.
static inline uint64_t tables_mask(uint32_t n_queues)
{
    unsigned bits = n_queues > 1 ? 32 - (unsigned)__builtin_clz(n_queues - 1) : 0;
    return (UINT64_C(2) << bits) - 1;
}

// These bits in the receive timestamps of the queue with that number.
static inline uint64_t tables_tag(uint32_t number)
{
    return (uint64_t)number << 1 | 1;
}

// The pair of the queue that wrote that receive timestamp. NULL when no queue did.
static inline struct table_pair *tables_find(const struct tables *tables, ntp_time receive)
{
    uint64_t number = (receive & tables_mask(tables->n_queues)) >> 1;
    return (receive & 1) != 0 && number < tables->n_queues ? tables->of[number] : NULL;
}
