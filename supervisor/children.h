// The children of the supervisor, as one table: which there are, in which order they start, and
// which of them this host needs. Single-threaded.
#pragma once

#include "config/config.h"
#include "supervisor/descriptors.h"
#include "supervisor/life.h"

#include <stdbool.h>
#include <sys/types.h>

// In the order of their first starts: each is started once the one before it serves. Ke and the
// dataplane need the keys that control publishes. Ke reads the certificates, so a wrong certificate
// ends the start before any packet is taken from an interface. Metrics is there only where the
// configuration names an address for it. Etcd is there only where the configuration names members,
// and comes first: on a node without a document it fetches the one that control then reads.
enum { ETCD, CONTROL, KE, DATAPLANE, METRICS, CHILDREN };

// Fills in the name, the start and the patience of each; none runs yet.
void children_prepare(struct life child[CHILDREN]);

// Does the configuration need this one?
bool child_is_wanted(const struct descriptors *descriptors, enum config_role role, int which);

// Once it serves, so does this host.
int child_last_needed(enum config_role role);

// The child of that process, or NULL.
struct life *children_find(struct life child[CHILDREN], pid_t pid);

bool children_any_lives(const struct life child[CHILDREN]);

// True when a child ended before it ever served (F26).
bool children_any_failed(const struct life child[CHILDREN]);

// Sends a signal to all that live.
void children_signal(const struct life child[CHILDREN], int number);
