// A reload, from the request to the answer. At most one is under way.
//
//   NONE -> READING (the reader reads the files) -> APPLYING (ke checks the certificates) -> NONE
//
// A reload is applied as a whole or refused as a whole: nothing of the running server changes
// before ke has accepted the certificates, and without new certificates nothing can fail. Never
// waits. Single-threaded.
#pragma once

#include "config/config.h"
#include "link/link.h"
#include "supervisor/certificates.h"
#include "supervisor/descriptors.h"
#include "supervisor/life.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum reload_phase { RELOAD_NONE, RELOAD_READING, RELOAD_APPLYING };

enum {
    RELOAD_READ_MS = 5000,   // how long the reader may take
    RELOAD_APPLY_MS = 10000, // how long ke may take: as long as its heartbeat may stand still
};

struct reload {
    const char *path;         // of the configuration, absolute; not owned
    struct descriptors *held; // what an accepted reload changes
    struct life *control;     // may have requested the reload
    struct life *ke;
    struct life *dataplane;
    struct life *metrics;
    enum reload_phase phase;
    uint32_t id;     // of the current or the last reload
    uint64_t due_ms; // when the current phase has taken too long
    // The reader that has not answered yet; 0: none. After a kill it may live on while a disk
    // blocks it.
    pid_t reader;
    int link;            // to the reader; -1: none
    bool requested;      // control waits for the answer
    uint32_t request_id; // the id of its request

    // The new values, from APPLYING on.
    struct config *fresh;
    struct certificates certificates;
    int config_fd; // the running configuration with the live settings of the fresh one; -1: none
};

// Begins a reload: for control's request with that id, or for a signal (NULL). Refuses it when one
// is under way.
void reload_begin(struct reload *r, const uint32_t *request_id, uint64_t now_ms);

// Called when the reader's link can be read.
void reload_hear_reader(struct reload *r, uint64_t now_ms);

// Takes ke's answer. False when no answer is expected, or when the id is another one.
bool reload_hear_ke(struct reload *r, const struct link_message *message);

// A process has ended. True when it was the reader.
bool reload_ended(struct reload *r, pid_t pid);

// Ke or control has ended. Called before the next one is started.
void reload_child_ended(struct reload *r, const struct life *child);

// Does what is due.
void reload_tick(struct reload *r, uint64_t now_ms);

// The time of the next action of reload_tick; UINT64_MAX: none.
uint64_t reload_due_ms(const struct reload *r);

// For the end of noonmarkd: kills the reader.
void reload_stop(struct reload *r);
