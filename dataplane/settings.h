// The settings that the dataplane takes while it serves: those of the packets' policy. A reload
// brings a whole configuration; what of it is live (config/schema.c) replaces the old values, and a
// policy made of them is published to the cores.
//
// Housekeeping's thread; the policy is also made by the main thread before there are others.
#pragma once

#include "config/config.h"
#include "dataplane/policy.h"
#include "link/child_reload.h"

struct settings {
    struct config *config; // in force; not owned
    struct policy_place *policy;
    struct child_reload reload; // its functions get the address of this struct settings
    // Between the preparation and the supervisor's decision.
    struct config *fresh;
    struct policy_entry *entry;
};

// The policy that a configuration stands for, not published yet. NULL: no memory.
struct policy_entry *settings_policy(const struct config *config);

void settings_open(struct settings *settings, struct config *config, struct policy_place *policy);
void settings_close(struct settings *settings);
