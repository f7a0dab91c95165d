// NTS-KE's objects. Their names are stable and documented in noonmarkctl(1): extend, do not rename.
#include "control/show/ke_report.h"

#include "config/schema.h"
#include "control/show/report.h"

json_t *ke_report(const struct board_ke *board)
{
    struct ke_counters copy;
    ke_counters_read(&board->counters, &copy);
    return report_metrics(METRIC_KE, &copy);
}

// The counts of each bin, with its greatest time in ns (null for the last bin).
static json_t *times_report(const struct ke_durations *times)
{
    json_t *bins = json_array();
    for (int i = 0; i < KE_TIME_BINS; i++) {
        json_t *bin = json_object();
        json_object_set_new(bin, "up_to_ns",
                            i == KE_TIME_BINS - 1 ? json_null()
                                                  : json_integer((json_int_t)ke_time_bin_ns[i]));
        report_set_int(bin, "count", atomic_load_explicit(&times->bin[i], memory_order_relaxed));
        json_array_append_new(bins, bin);
    }
    json_t *o = json_object();
    report_set_int(o, "sum_ns", atomic_load_explicit(&times->sum_ns, memory_order_relaxed));
    json_object_set_new(o, "bins", bins);
    return o;
}

static json_t *sessions_report(const struct board_ke *board)
{
    struct ke_counters copy;
    ke_counters_read(&board->counters, &copy);
    json_t *o = report_metrics(METRIC_KE_SESSIONS, &copy);
    json_object_set_new(o, "handshake_time", times_report(&copy.handshake));
    json_object_set_new(o, "exchange_time", times_report(&copy.exchange));
    return o;
}

json_t *certificates_report(const struct board_ke *board)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report_bounded(&board->n_certificates, CERTIFICATES_MAX); i++) {
        struct board_certificate certificate;
        uint64_t seen;
        if (!snapshot_read(&board->certificate[i], &certificate, sizeof certificate, &seen))
            continue;
        json_t *o = report_metrics(METRIC_CERTIFICATE, &certificate);
        json_object_set_new(o, "chain", report_text(certificate.chain));
        json_object_set_new(o, "subject", report_text(certificate.subject));
        json_object_set_new(o, "key", report_text(certificate.key));
        json_array_append_new(list, o);
    }
    return list;
}

// As the configuration has them: fewer connections may fit into the limit of open files, which the
// log tells.
static json_t *limits_report(const struct config *config)
{
    json_t *o = json_object();
    report_set_int(o, "max_connections", config->control.max_connections);
    report_set_int(o, "deadline_ms", config->control.deadline_ms);
    report_set_int(o, "threads", config->control.threads);
    return o;
}

json_t *ke_process_report(const struct status_sources *s)
{
    return s->config->role == SERVE_NTP ? json_null() : report_metrics(METRIC_KE_PROCESS, s->ke);
}

json_t *ke_answer(const struct status_sources *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "role", json_string(schema_role_words[s->config->role]));
    json_object_set_new(o, "process", ke_process_report(s));
    json_object_set_new(o, "ke", ke_report(s->ke));
    json_object_set_new(o, "sessions", sessions_report(s->ke));
    json_object_set_new(o, "limits", limits_report(s->config));
    json_object_set_new(o, "certificates", certificates_report(s->ke));
    return o;
}
