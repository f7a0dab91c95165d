// One trial: the load has its own thread; the calling thread shows the progress.
#pragma once

#include "perf/outcome.h"

// The state that trials share. The clients keep their cookies from one trial to the next.
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

// Runs a load from one rate to another (equal, except for a ramp) and fills in its outcome. 0, or
// -errno with one line on stderr.
int trial_run(struct trial *trial, double from, double to, uint64_t duration_ns,
              struct outcome *outcome);
