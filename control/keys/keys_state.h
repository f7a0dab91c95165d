// What control has of its cookie keys, for the two files that carry out keys.h: keys.c changes it,
// keys_show.c shows it. Control's main loop.
#pragma once

#include "control/keys/fleet.h"
#include "control/keys/key_set.h"
#include "control/keys/keys.h"
#include "control/keys/rotation.h"
#include "control/keys/store.h"

#include <stdbool.h>
#include <stdint.h>

// What makes the next set out of the one in use.
enum change_kind { CHANGE_ROTATE, CHANGE_REVOKE, CHANGE_REVOKE_ALL, CHANGE_IMPORT };

struct change {
    enum change_kind kind; // CHANGE_ROTATE unless somebody has asked for another one
    uint32_t id;           // of CHANGE_REVOKE
    bool seal;             // of CHANGE_IMPORT, as the next ones
    uint32_t n;
    struct key foreign[KEYS_LINES];
};

struct keys {
    struct rotation rotation;
    struct change change;
    struct key_set set;  // in use and published
    struct key_set next; // the following set, if rotation.next_made
    struct store *store;
    struct fleet *fleet; // NULL: the keys are this host's own, in the store. Else there is no store
    bool synchronised;   // this host's UTC can be trusted
    struct key_hints_record hints; // that were published
    uint32_t keep;
    bool alone; // the store has sets with revoked keys: the next write leaves none of them
    int err;    // of the last attempt to make or write keys
    struct keys_outcome outcome;
};
