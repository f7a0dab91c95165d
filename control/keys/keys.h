// The cookie keys in control: from the file to the board, and from one rotation to the next. RFC
// 8915, section 6; checklist CK-5 to CK-7.
//
//   future   newly made: written to the file, then published, one whole rotation before its use
//   current  seals every new cookie, on the cores and in NTS-KE
//   old      opens cookies for `keep` rotations more, then it is wiped everywhere
//
// rotation.h decides when that happens, and what changes when the disk fails; store.h makes a set
// durable.
//
// With keys.fleet.file the keys are those of a fleet (fleet.h): the sets change by the clock, the
// key file is not used, and there is no rotation that somebody could ask for.
//
// All calls belong to control's main loop. The threads of ke read keys from the board, each with a
// keyring_view of its own, as the cores do. Contains key material in memory from secret.h.
#pragma once

#include "base/bounds.h"
#include "board/snapshot.h"
#include "config/config.h"
#include "control/keys/fleet.h"
#include "crypto/cookie_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;

enum { KEYS_LINES = COOKIE_KEYS_MAX, KEYS_WHY_MAX = KEY_PATH_MAX + FLEET_FILE_WHY_MAX + 32 };

struct keys_line {
    uint32_t id;
    const char *role; // "current", "future" or "old"
    bool imported;    // from another server
    uint32_t old;     // of an old key: 1 and so on; all keys of the same number go together
    uint64_t age_s;   // age of the key; of an imported one, since then
};

// When the keys change, and what is under way.
struct keys_schedule {
    uint32_t rotate_s; // between two rotations
    uint32_t keep;     // old keys, at most
    uint64_t next_s;   // until the next rotation; 0: it is due
    bool rotating;     // a rotation is due or under way
    bool writing;      // the key file is being written
    bool failing;      // keys_failing
};

// What has become of the rotation, revocation or import that was begun last.
enum keys_asked {
    KEYS_NOT_ASKED,
    KEYS_ASKED, // nothing has happened yet: keys_turn is to be called
    KEYS_ROTATING,
    KEYS_ROTATED,     // it is durable and published
    KEYS_NOT_ROTATED, // it could not be made or written, and is tried again
};

struct keys_outcome {
    enum keys_asked asked;
    int err; // of KEYS_NOT_ROTATED: -errno
    uint32_t n_wiped;
    uint32_t wiped[KEYS_LINES]; // ids of the keys that open no cookie any more
    uint32_t n_imported;
};

// With a fleet, reads its document, and -errno is returned when there is none that is good. Else
// reads the keys from the file, or makes new keys and the file. Faults of the file are logged; at
// worst new keys are made. -errno when there are no keys and new ones cannot be made durable:
// clients would then get cookies that the next start cannot open.
int keys_open(const struct config *config, struct keys **keys);

// May the next configuration take the place of the one in force, now? A fleet's document that is in
// another file must be good, and must not go back. Waits for the disk. False with the reason in
// why.
bool keys_may_set(const struct keys *keys, const struct config *now, const struct config *next,
                  char why[KEYS_WHY_MAX]);

// Takes keys.rotate and keys.keep of another configuration, from the next turn on: it may be due at
// once. Keys in use stay until the next rotation. A fleet's document is read, from keys.fleet.file.
void keys_set(struct keys *keys, const struct config *config);

// Publishes the keys for the cores and ke.
void keys_publish(const struct keys *keys, struct snapshot *ring);

// Publishes a fleet's hints, if they are others than those that were published. Call it after
// keys_publish and keys_turn.
void keys_publish_hints(struct keys *keys, struct snapshot *hints);

// Does what is due at now_ns (CLOCK_MONOTONIC), never waits, and returns when to call it again.
uint64_t keys_turn(struct keys *keys, struct snapshot *ring, uint64_t now_ns);

// The current key, named by its id, has sealed n cookies. True: it is worn, and keys_turn is to be
// called now.
bool keys_note_sealed(struct keys *keys, uint32_t id, uint64_t n);

// Fills in one line for each key, current and future first; returns the number of lines.
size_t keys_describe(const struct keys *keys, uint64_t now_ns, struct keys_line out[KEYS_LINES]);

void keys_schedule(const struct keys *keys, uint64_t now_ns, struct keys_schedule *schedule);

// Begins a rotation that is not due. NULL: keys_turn is to be called now; keys_outcome tells what
// becomes of it. Else why it cannot be, and nothing has changed.
const char *keys_ask_rotation(struct keys *keys);

// Begins a revocation, in the same way: of the key with that id, or of all keys when id is NULL.
// The key is gone from the key file and from FILE.1 before the new set is published. Cookies that
// it sealed get a NAK from then on.
const char *keys_ask_revocation(struct keys *keys, const uint32_t *id);

// A cookie key of another server whose cookies have no associated data, as chronyd's.
struct keys_foreign {
    uint32_t id;
    uint8_t secret[COOKIE_KEY_LEN];
};

// Begins an import, in the same way, of n keys, 1 to KEYS_LINES: the one that seals at the other
// server, then its old ones, newest first. Our own keys stay; keys whose ids are there already, and
// those that have no room, are left out. seal: the first one seals here too until the next
// rotation, so that the other server opens our cookies. The keys are copied; the caller wipes its
// own.
const char *keys_ask_import(struct keys *keys, const struct keys_foreign *foreign, uint32_t n,
                            bool seal);

const struct keys_outcome *keys_outcome(const struct keys *keys);

// Tells whether this host's UTC can be trusted; until the first call it is. A fleet's keys stay as
// they are while it cannot.
void keys_trust_clock(struct keys *keys, bool synchronised);

// What is known of the fleet's document. False: the keys are this host's own.
bool keys_fleet(const struct keys *keys, struct fleet_report *report);

// True while the last attempt to make or write keys has failed; of a fleet's keys, to write the
// copy of the document.
bool keys_failing(const struct keys *keys);

// Waits for a write under way, stores the ages, wipes and frees. keys may be NULL.
void keys_close(struct keys *keys);
