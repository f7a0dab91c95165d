#include "dataplane/policy.h"

#include <stdlib.h>

struct policy_entry {
    struct policy policy;
    struct policy_entry *before; // published before this one and not freed yet
};

struct policy_entry *policy_prepare(const struct policy *policy)
{
    struct policy_entry *entry = malloc(sizeof *entry);
    if (entry)
        *entry = (struct policy_entry){.policy = *policy};
    return entry;
}

void policy_publish(struct policy_place *place, struct policy_entry *entry)
{
    entry->before = place->entries;
    place->entries = entry;
    // Release, with policy_take.
    atomic_store_explicit(&place->now, &entry->policy, memory_order_release);
}

bool policy_has_old(const struct policy_place *place)
{
    return place->entries && place->entries->before;
}

bool policy_is_held(const struct policy_place *place, const struct policy_hold *hold)
{
    // Acquire, with policy_take.
    return atomic_load_explicit(&hold->policy, memory_order_acquire) ==
           atomic_load_explicit(&place->now, memory_order_relaxed);
}

static void free_from(struct policy_entry *entry)
{
    while (entry) {
        struct policy_entry *before = entry->before;
        prefixes_free(entry->policy.sources);
        free(entry);
        entry = before;
    }
}

void policy_drop(struct policy_entry *entry)
{
    free_from(entry); // it has none before it
}

void policy_free_old(struct policy_place *place)
{
    if (!place->entries)
        return;
    free_from(place->entries->before);
    place->entries->before = NULL;
}

void policy_close(struct policy_place *place)
{
    free_from(place->entries);
    place->entries = NULL;
    atomic_store_explicit(&place->now, NULL, memory_order_relaxed);
}
