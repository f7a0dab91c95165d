// The cookie keys of a fleet: another source of a set of keys than rotation.h. All nodes have the
// same document (fleet/document.h) and derive the same keys from it at the same time; no node talks
// to another one. RFC 8915, section 6.
//
// All calls belong to control's main loop, and never wait, except fleet_open, fleet_may_follow and
// fleet_close.
// Contains key material in memory from secret.h.
#pragma once

#include "board/key_hints.h"
#include "config/config.h"
#include "control/keys/fleet_file.h"
#include "control/keys/key_set.h"

#include <stdbool.h>
#include <stdint.h>

struct fleet;

// What is known of the document in force; no secret.
struct fleet_report {
    char fingerprint[FLEET_FINGERPRINT_LEN];
    uint64_t serial;
    uint32_t rotate_s;
    uint32_t n_spans, n_revoked;
    int64_t until_s;    // when its last span ends, UTC
    enum fleet_end end; // judged by this node's clock
    bool waits;         // the clock is not synchronised, so the period does not change
    struct fleet_file_state file;
};

// Reads the document of keys.fleet.file, or its copy beside keys.file, and fills in the set of now.
// 0 or -errno, logged.
int fleet_open(const struct config *config, struct fleet **fleet, struct key_set *set);

// Does what is due. True when *set, the set in use, has changed. *due_ns: when to call it again.
// synchronised: this node's UTC can be trusted.
bool fleet_turn(struct fleet *fleet, uint32_t keep, bool synchronised, struct key_set *set,
                uint64_t *due_ns);

// The hints that belong to the set in use.
const struct key_hints_record *fleet_hints(const struct fleet *fleet);

// Could the document at path take the place of the one in force? Waits for the disk. False with the
// reason in why.
bool fleet_may_follow(const struct fleet *fleet, const char *path, char why[FLEET_FILE_WHY_MAX]);

// Makes it read the file at path soon, from now on the document's, even if that has not changed.
void fleet_follow(struct fleet *fleet, const char *path);

// Seconds until the next period, and 0 when there is none.
uint64_t fleet_next_s(const struct fleet *fleet);

void fleet_describe(const struct fleet *fleet, struct fleet_report *report);

// fleet may be NULL.
void fleet_close(struct fleet *fleet);
