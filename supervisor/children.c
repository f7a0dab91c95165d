#include "supervisor/children.h"

#include "supervisor/start.h"

#include <signal.h>

void children_prepare(struct life child[CHILDREN])
{
    static const struct life prepared[CHILDREN] = {
        [ETCD] = {.name = "etcd",
                  .start = start_etcd,
                  .link = -1,
                  .patience = HEARTBEAT_LOOKS_METRICS,
                  .patience_stopped = HEARTBEAT_LOOKS_STOPPED},
        [CONTROL] = {.name = "control",
                     .start = start_control,
                     .link = -1,
                     // A stopped control does no harm for some time: the others keep
                     // serving (P3).
                     .patience = HEARTBEAT_LOOKS_CONTROL,
                     .patience_stopped = HEARTBEAT_LOOKS_CONTROL},
        [KE] = {.name = "ke",
                .start = start_ke,
                .link = -1,
                .patience = HEARTBEAT_LOOKS_KE,
                .patience_stopped = HEARTBEAT_LOOKS_STOPPED},
        [DATAPLANE] = {.name = "dataplane",
                       .start = start_dataplane,
                       .link = -1,
                       .patience = HEARTBEAT_LOOKS_DATAPLANE,
                       .patience_stopped = HEARTBEAT_LOOKS_STOPPED},
        [METRICS] = {.name = "metrics",
                     .start = start_metrics,
                     .link = -1,
                     .patience = HEARTBEAT_LOOKS_METRICS,
                     .patience_stopped = HEARTBEAT_LOOKS_STOPPED},
    };
    for (int i = 0; i < CHILDREN; i++)
        child[i] = prepared[i];
}

bool child_is_wanted(const struct descriptors *descriptors, enum config_role role, int which)
{
    switch (which) {
    case ETCD:
        return descriptors->config->keys.etcd.n_endpoints > 0;
    case KE:
        return role != SERVE_NTP;
    case DATAPLANE:
        return role != SERVE_KE;
    case METRICS:
        return descriptors->metrics_listener >= 0;
    default:
        return true;
    }
}

int child_last_needed(enum config_role role)
{
    return role == SERVE_KE ? KE : DATAPLANE;
}

struct life *children_find(struct life child[CHILDREN], pid_t pid)
{
    for (int i = 0; i < CHILDREN; i++)
        if (child[i].pid == pid)
            return &child[i];
    return NULL;
}

bool children_any_lives(const struct life child[CHILDREN])
{
    for (int i = 0; i < CHILDREN; i++)
        if (child[i].pid > 0)
            return true;
    return false;
}

bool children_any_failed(const struct life child[CHILDREN])
{
    for (int i = 0; i < CHILDREN; i++)
        if (child[i].failed)
            return true;
    return false;
}

void children_signal(const struct life child[CHILDREN], int number)
{
    for (int i = 0; i < CHILDREN; i++)
        if (child[i].pid > 0)
            kill(child[i].pid, number);
}
