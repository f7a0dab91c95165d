// Where the set of cookie keys outlives this process: in the key file. A write is handed to a
// thread that does nothing else, since a disk may hold up fsync for half a minute (faults, F12),
// and control's loop has a clock to watch meanwhile.
//
// The calls belong to one thread, control's main loop; they never wait, unless they say so. What is
// wrong with a set that is read is logged here; what became of a write is the caller's to tell.
// Holds key material in memory from secret.h, and of a set only while it is written.
#pragma once

#include "control/keys/key_set.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

// What a read found.
enum store_found {
    STORE_GOOD,
    STORE_OLD,  // a set that is to be used, but to be written again: the newest place has it not
    STORE_NONE, // a first start, or what there was is refused; that has been set aside
};

// path is the key file's, and is copied. Starts the thread, with all signals blocked. 0 or -errno.
int store_open(const char *path, struct store **store);

// For the log: "key file /..."
const char *store_name(const struct store *store);

// Reads the set, with its ages as they are at now_ns (CLOCK_MONOTONIC). Waits for the disk: not
// while clients are served, nor with a write under way. *set is undefined with STORE_NONE.
enum store_found store_read(struct store *store, int64_t now_ns, struct key_set *set);

// Hands over a set, which is copied, with its ages at now_ns. Not while an earlier one is under
// way.
void store_write(struct store *store, const struct key_set *set, int64_t now_ns);

// True once after each write: it has ended, and *err is 0 (the set is durable) or -errno (the store
// holds this set or the one before).
bool store_poll(struct store *store, int *err);

// Waits for the write under way. Its 0 or -errno.
int store_await(struct store *store);

// Waits for a write under way, and ends the thread. store may be NULL.
void store_close(struct store *store);
