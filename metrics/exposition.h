// The text of all metrics: OpenMetrics 1.0, and the older text format of Prometheus. The names,
// help and types are those of board/metrics.h; families that the table cannot have (what tells
// builds and ports apart) are added here. Pure but for the monotonic clock, which heartbeats are
// held against.
#pragma once

#include "board/board.h"
#include "config/config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// The sides of the board that show no secrets; all outlive the call.
struct exposition_sources {
    const struct board_facts *facts;
    const struct board_dataplane *dataplane;
    const struct board_ke *ke;
    const struct board_metrics *metrics;
    const struct board_etcd *etcd;
    enum config_role role; // what this host has none of gets no samples
    int64_t started_s;     // Unix time of this process's start
};

enum exposition_format { EXPOSITION_OPENMETRICS, EXPOSITION_TEXT, EXPOSITION_FORMATS };

// Its value of the header Content-Type.
extern const char *const exposition_type[EXPOSITION_FORMATS];

// Writes all metrics. Not to be called by two threads at once: it has copies of the counters of its
// own, because a stack is too small for them.
void exposition_write(const struct exposition_sources *sources, enum exposition_format format,
                      FILE *out);

// The format for the value of a request's header Accept, which may be NULL. OpenMetrics, where it
// is named and the older format is not preferred.
enum exposition_format exposition_format_for(const char *accept);
