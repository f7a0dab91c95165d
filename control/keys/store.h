// Keeps the set of cookie keys when this process ends: in the key file. A write is done by a thread
// of its own, since a disk may block fsync for half a minute (faults, F12), and control's loop must
// watch the clock meanwhile.
//
// The calls belong to one thread, control's main loop; they never wait, unless their comment says
// so. Faults of a set that is read are logged here; the caller logs the result of a write. Contains
// key material in memory from secret.h, and a set only while it is written.
#pragma once

#include "control/keys/key_set.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

// The result of reading.
enum store_found {
    STORE_GOOD,
    STORE_OLD,  // a usable set that must be written again: the newest file does not have it
    STORE_NONE, // a first start, or all files were refused; the refused file has been renamed
};

// path is the path of the key file; it is copied. Starts the thread, with all signals blocked. 0 or
// -errno.
int store_open(const char *path, struct store **store);

// For the log: "key file /..."
const char *store_name(const struct store *store);

// Reads the set, with its ages at now_ns (CLOCK_MONOTONIC). Waits for the disk: do not call it
// while clients are served or a write is under way. *set is undefined with STORE_NONE.
enum store_found store_read(struct store *store, int64_t now_ns, struct key_set *set);

// Starts writing a copy of the set, with its ages at now_ns. Do not call it while an earlier write
// is under way. alone: the store keeps no earlier set beside it, because this one lacks revoked
// keys.
void store_write(struct store *store, const struct key_set *set, bool alone, int64_t now_ns);

// True once after each write: it has ended, and *err is 0 (the set is durable) or -errno (the store
// has this set or the previous one).
bool store_poll(struct store *store, int *err);

// Waits for the write under way. Returns its 0 or -errno.
int store_await(struct store *store);

// Waits for a write under way, and ends the thread. store may be NULL.
void store_close(struct store *store);
