// The status object. Its names are stable and documented in noonmarkctl(1): extend, do not rename.

#include "control/show/status_report.h"

#include "base/now.h"
#include "config/schema.h"
#include "control/show/clock_report.h"
#include "control/show/json_line.h"
#include "control/show/ke_report.h"
#include "control/show/keys_report.h"
#include "control/show/limits_report.h"
#include "control/show/ports_report.h"
#include "control/show/report.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The cores' counters and those of the kernel's path, read once, so that their sum matches the
// values that are shown for each.
struct cores {
    uint32_t n;
    struct core_counters core[CORES_MAX], kernel_path, sum;
};

static void read_cores(const struct board_dataplane *board, struct cores *cores)
{
    memset(&cores->sum, 0, sizeof cores->sum);
    cores->n = report_bounded(&board->n_cores, CORES_MAX);
    for (uint32_t i = 0; i < cores->n; i++) {
        counters_read(&board->core[i], &cores->core[i]);
        counters_sum(&cores->sum, &cores->core[i]);
    }
    counters_read(&board->kernel_path, &cores->kernel_path);
    counters_sum(&cores->sum, &cores->kernel_path);
}

static json_t *cores_report(const struct board_dataplane *board, const struct cores *cores)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < cores->n; i++) {
        json_t *o = report_metrics(METRIC_CORES, &cores->core[i]);
        report_set_int(o, "cpu", board->core_id[i]);
        report_set_metrics(o, METRIC_CORE, &cores->core[i]);
        json_array_append_new(list, o);
    }
    return list;
}

// Null where metrics.listen names no address.
static json_t *metrics_report(const struct status_sources *s)
{
    return s->config->metrics.listen.len == 0 ? json_null()
                                              : report_metrics(METRIC_EXPORTER, s->metrics);
}

// Null where the role has none.
static json_t *dataplane_report(const struct status_sources *s)
{
    const struct board_dataplane *board = s->dataplane;
    if (s->config->role == SERVE_KE)
        return json_null();
    json_t *o = report_metrics(METRIC_DATAPLANE, board);
    json_object_set_new(o, "serving", json_boolean(board_dataplane_runs(board)));
    json_object_set_new(o, "crypto", report_text(board->crypto));
    json_object_set_new(o, "memory", report_text(board->memory));
    const bool sleeps = s->config->dataplane.idle == IDLE_ADAPTIVE;
    json_object_set_new(o, "idle", json_string(sleeps ? "adaptive" : "poll"));
    return o;
}

static json_t *status_report(const struct status_sources *s)
{
    const struct board_dataplane *board = s->dataplane;
    static struct cores cores; // main thread only; static for its size
    read_cores(board, &cores);

    json_t *o = json_object();
    json_object_set_new(o, "version", json_string(NOONMARK_VERSION));
    json_object_set_new(o, "role", json_string(schema_role_words[s->config->role]));
    json_object_set_new(o, "draining", json_boolean(s->draining));
    json_object_set_new(o, "control", report_metrics(METRIC_CONTROL, s->control));
    json_object_set_new(o, "dataplane", dataplane_report(s));
    json_object_set_new(o, "ke_process", ke_process_report(s));
    json_object_set_new(o, "metrics_process", metrics_report(s));
    json_object_set_new(o, "etcd_process", etcd_report(s));
    json_object_set_new(o, "ports", ports_report(s));
    json_object_set_new(o, "clock", clock_report(s));
    json_object_set_new(o, "stamp_clocks", stamp_clocks_report(board));
    json_object_set_new(o, "keys", keys_report(s));
    json_object_set_new(o, "fleet", document_report(s->keys));
    json_object_set_new(o, "certificates", certificates_report(s->ke));
    json_object_set_new(o, "ke", ke_report(s->ke));
    json_object_set_new(o, "counters", report_metrics(METRIC_CORES, &cores.sum));
    json_object_set_new(o, "departure_error", report_departures(&cores.sum));
    json_object_set_new(o, "cores", cores_report(board, &cores));
    json_object_set_new(o, "kernel_path", report_metrics(METRIC_CORES, &cores.kernel_path));
    return o;
}

// The requests that are answered at once. A row is a line, so that branches add rows without
// conflicts.
static const struct {
    const char *request;
    json_t *(*answer)(const struct status_sources *sources);
} answers[] = {
    {"status", status_report},

    {"clock", clock_answer},

    {"ports", ports_answer},

    {"keys", keys_answer},

    {"ke", ke_answer},

    {"limits", limits_answer},
};

char *status_answer(const struct status_sources *sources, const char *request)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(request, answers[i].request) == 0)
            return json_line(answers[i].answer(sources));
    return json_line(json_pack("{s:s}", "error",
                               "unknown request; is noonmarkctl of the same version as this "
                               "noonmarkd?"));
}
