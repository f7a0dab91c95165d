// A reload, from the request to the answer. At most one is under way.
//
//   NONE -> READING (the reader reads the files)
//        -> PREPARING (each process that takes a setting that differs checks it)
//        -> COMMITTING (all have agreed: they take it) -> NONE
//
// A reload is applied as a whole or refused as a whole: nothing of the running server changes
// before every process has agreed, and then nothing can fail: a process that dies meanwhile is
// started again with what was decided. Never waits. Single-threaded.
#pragma once

#include "config/config.h"
#include "link/link.h"
#include "supervisor/certificates.h"
#include "supervisor/descriptors.h"
#include "supervisor/hook.h"
#include "supervisor/life.h"
#include "supervisor/renewal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum reload_phase { RELOAD_NONE, RELOAD_READING, RELOAD_PREPARING, RELOAD_COMMITTING };

enum {
    RELOAD_READ_MS = 5000,   // how long the reader may take
    RELOAD_APPLY_MS = 10000, // how long a child may take: as long as its heartbeat may stand still
    RELOAD_PARTS = 3,        // control, ke, the dataplane
};

// A child's part in the reload.
struct reload_part {
    struct life *life;
    enum config_live takes; // the settings of which process it takes
    bool absent;            // this host's role has no such child
    enum reload_part_state {
        PART_NONE,     // nothing of it differs, or it is done
        PART_ASKED,    // to prepare
        PART_PREPARED, // it has agreed
        PART_COMMITS,  // told to take it
    } state;
    // Answers to earlier, refused reloads that this child has still to send.
    uint32_t late;
};

struct reload {
    const char *path;         // of the configuration, absolute; not owned
    struct descriptors *held; // what an accepted reload changes
    struct hook *hook;        // likewise
    struct renewal *renewal;  // is told how a look at the certificates' files ends
    struct life *control;     // may have requested the reload
    struct life *metrics;
    struct life *etcd;
    struct reload_part part[RELOAD_PARTS];
    enum reload_phase phase;
    uint32_t id;     // of the current or the last reload
    uint64_t due_ms; // when the current phase has taken too long
    // The reader that has not answered yet; 0: none. After a kill it may live on while a disk
    // blocks it.
    pid_t reader;
    int link;       // to the reader; -1: none
    bool automatic; // of the certificates' files alone, because they have changed
    // Control waits for the answer, and the id of its request. While an automatic reload is under
    // way, those of the one that waits for its end.
    bool requested, waits;
    uint32_t request_id;

    // The new values, while PREPARING; then what is left of the old ones.
    struct config *fresh;
    struct certificates certificates; // none: they are the same
    struct fresh_listeners listeners; // of new addresses
    int config_fd; // the running configuration with the live settings of the fresh one; -1: none
    // What differs, by the schema's order; compared before anything changes.
    struct config_setting setting[CONFIG_SETTINGS_MAX];
    size_t n_settings;
    char answer[LINK_TEXT_MAX + 1]; // while COMMITTING
};

// Begins a reload: for control's request with that id, or for a signal (NULL). Refuses it when one
// is under way; waits for the end of an automatic one.
void reload_begin(struct reload *r, const uint32_t *request_id, uint64_t now_ms);

// Begins an automatic reload: takes changed certificates of the configuration in force, and no
// setting. Its end goes to r->renewal; nothing is said when they are what is served.
void reload_begin_files(struct reload *r, uint64_t now_ms);

// Called when the reader's link can be read.
void reload_hear_reader(struct reload *r, uint64_t now_ms);

// Takes a child's LINK_ACCEPTED, LINK_APPLIED or LINK_REFUSED. False when it is not expected.
bool reload_hear_child(struct reload *r, const struct life *child,
                       const struct link_message *message, uint64_t now_ms);

// A process has ended. True when it was the reader.
bool reload_ended(struct reload *r, pid_t pid);

// A child has ended. Called before the next one is started.
void reload_child_ended(struct reload *r, const struct life *child);

// Does what is due.
void reload_tick(struct reload *r, uint64_t now_ms);

// The time of the next action of reload_tick; UINT64_MAX: none.
uint64_t reload_due_ms(const struct reload *r);

// For the end of noonmarkd: kills the reader.
void reload_stop(struct reload *r);
