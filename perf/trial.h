// One trial: a load on a thread of its own, while this one shows how it goes.
#pragma once

#include "perf/outcome.h"

// What trials share. The clients' cookies go on from one to the next.
struct trial {
    const struct plan *plan;
    struct path *path;
    const struct aead *aead;             // of the clients' sessions; NULL: plain NTP
    const struct client_variant *crypto; // of that AEAD
    struct clients *clients;
    struct supply supply;
    struct rng rng; // of the load's thread while a trial runs
    const _Atomic bool *stop;
};

// Runs a load from one rate to another (the same, unless it is a ramp) and fills in what came of
// it. 0 or -errno with one line on stderr.
int trial_run(struct trial *trial, double from, double to, struct outcome *outcome);
