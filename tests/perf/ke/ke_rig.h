// Our real NTS-KE server for the tests of the load tester's client, and what is wrong with others:
// one that never speaks, one that nobody listens on.
#pragma once

#include "perf/ke/ke_engine.h"
#include "tests/control/ke/ke_server.h"

struct ke_rig {
    struct ke_server server;
    int ca; // memory file with the root's certificate
    char ca_path[32];
    struct ke_target target; // the server, trusted
};

void ke_rig_open(struct ke_rig *rig, const struct ke_server_options *options);
void ke_rig_close(struct ke_rig *rig);

// A listener that accepts nothing: the kernel connects, and then nothing comes. *address is where.
int ke_rig_silent(struct sockaddr_storage *address);

// The cookies of a grant hold its keys, under the server's.
void ke_rig_check_grant(const struct ke_rig *rig, const struct ke_grant *grant);
