// The file of a fleet's document, and the thread that reads it: something else (an operator, a
// template of a secret store, Kubernetes, a mover) replaces it at any time, on a disk that may not
// answer. Faults F12, F13.
//
// The thread looks at the file twice a second, follows links, and reads it when it has changed and
// then stayed the same for one look. Looking works where a watch of the directory does not: on
// network file systems, when a link higher up in the path is changed, and when the directory itself
// is replaced; and it needs no system call that reading does not need.
//
// A document is taken whole or refused whole. What is refused: files that are not plain files of
// root or of this user, files to which others have rights, a text with a fault, a serial number
// below that in force, and the same serial number with other contents.
//
// The last good document is kept in COPY, which belongs to this user alone: a restart with a bad
// file is a restart with keys, and its serial number is not forgotten.
//
// The calls belong to one thread, control's main loop; after fleet_file_open they never wait,
// except fleet_file_try and fleet_file_close. Contains key material in memory from secret.h.
#pragma once

#include "base/bounds.h"
#include "fleet/document.h"

#include <stdbool.h>
#include <stdint.h>

struct fleet_file;

enum { FLEET_FILE_WHY_MAX = 300 };

struct fleet_file_state {
    bool refused;                 // the file as it is now is refused, or missing
    bool copy_failing;            // the last write of COPY has failed
    uint64_t n_taken, n_refused;  // since the start
    char why[FLEET_FILE_WHY_MAX]; // of refused: "line 3: ..."
};

// Reads COPY and the file at path, and starts the thread, with all signals blocked. 0 with the
// document that is in force, or -errno, logged: there is no good document at all.
int fleet_file_open(const char *path, const char *copy, struct fleet_file **file,
                    struct fleet_document *document);

// True once after each new document that was taken; *document is then that one.
bool fleet_file_poll(struct fleet_file *file, struct fleet_document *document);

// Could the file at path follow: does it have a good document whose serial number may follow that
// in force? Changes nothing, and waits for the disk. False with the reason in why.
bool fleet_file_try(const char *path, const struct fleet_document *force,
                    char why[FLEET_FILE_WHY_MAX]);

// Makes the thread look now at path, from now on its file, and read it even if it has not changed.
void fleet_file_follow(struct fleet_file *file, const char *path);

void fleet_file_state(struct fleet_file *file, struct fleet_file_state *state);

// Waits for a read or write under way, and ends the thread. file may be NULL.
void fleet_file_close(struct fleet_file *file);
