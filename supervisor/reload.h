// A reload, from the wish to the answer. At most one is under way.
//
//   NONE -> READING (the reader has the files) -> APPLYING (ke has the certificates) -> NONE
//
// It is taken whole or refused whole: nothing of the running server has changed before ke has taken
// the certificates, and when there are none to take, nothing can fail. Never waits.
// Single-threaded.
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
    RELOAD_APPLY_MS = 10000, // and ke: as long as its heartbeat may stand still
};

struct reload {
    const char *path;         // of the configuration, absolute; not owned
    struct descriptors *held; // what a reload that is taken changes
    struct life *control;     // who may have asked
    struct life *ke;
    struct life *dataplane;
    enum reload_phase phase;
    uint32_t id;     // of the present or the last one
    uint64_t due_ms; // when the present phase has taken too long
    // Has not answered yet; 0: none. One that was killed lives on while a disk holds it.
    pid_t reader;
    int link;          // to the reader; -1: none
    bool asked;        // control waits for the answer
    uint32_t asked_id; // by that id

    // What is to come, from APPLYING on.
    struct config *fresh;
    struct certificates certificates;
    int config_fd; // the running configuration with the live settings of the fresh one; -1: none
};

// Begins one: for control, which asks by that id, or for a signal (NULL). Refuses it when one is
// under way.
void reload_begin(struct reload *r, const uint32_t *asked_id, uint64_t now_ms);

// The reader's link can be read.
void reload_hear_reader(struct reload *r, uint64_t now_ms);

// Ke's answer. False when none is expected, or to another id.
bool reload_hear_ke(struct reload *r, const struct link_message *message);

// A process has ended. True when it was the reader's.
bool reload_ended(struct reload *r, pid_t pid);

// Ke or control has ended. Before the next one is started.
void reload_child_ended(struct reload *r, const struct life *child);

// Does what is due.
void reload_tick(struct reload *r, uint64_t now_ms);

// When reload_tick has something to do next; UINT64_MAX: nothing.
uint64_t reload_due_ms(const struct reload *r);

// The end of all: kills the reader.
void reload_stop(struct reload *r);
