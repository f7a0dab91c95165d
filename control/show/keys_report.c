// The keys' objects. Their names are stable and documented in noonmarkctl(1): extend, do not
// rename.
#include "control/show/keys_report.h"

#include "base/now.h"
#include "control/keys/keys.h"
#include "control/show/facts.h"
#include "control/show/json_line.h"
#include "control/show/report.h"

#include <stdio.h>
#include <string.h>

static json_t *id_text(uint32_t id)
{
    char text[9];
    snprintf(text, sizeof text, "%08x", id);
    return json_string(text);
}

static json_t *key_report(const struct status_sources *s, const struct keys_line *line)
{
    const struct key_count count = board_key_count(s->dataplane, s->ke, line->id);
    const struct metric_key numbers = {
        .age_s = line->age_s, .opened = count.opened, .sealed = count.sealed};
    json_t *o = report_metrics(METRIC_KEY, &numbers);
    json_object_set_new(o, "id", id_text(line->id));
    json_object_set_new(o, "role", json_string(line->role));
    json_object_set_new(o, "imported", json_boolean(line->imported));
    return o;
}

json_t *keys_report(const struct status_sources *s)
{
    struct keys_line line[KEYS_LINES];
    const size_t n = keys_describe(s->keys, now_ns(), line);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, key_report(s, &line[i]));
    return list;
}

// How long a key opens cookies, if each rotation comes in time: it does so for `keep` rotations
// after the one that makes it old. rotations: until then, -1 for the future key's.
static uint64_t opens_for_s(const struct keys_schedule *schedule, int old)
{
    const int more = (int)schedule->keep - old;
    return schedule->next_s + (uint64_t)(more < 0 ? 0 : more) * schedule->rotate_s;
}

json_t *document_report(const struct keys *keys)
{
    struct fleet_report report;
    struct fact_fleet numbers;
    if (!keys_fleet(keys, &report))
        return json_null();
    facts_describe_fleet(keys, &numbers);
    json_t *o = report_metrics(METRIC_FLEET, &numbers);
    json_object_set_new(o, "fingerprint", json_string(report.fingerprint));
    report_set_int(o, "spans", report.n_spans);
    report_set_int(o, "revoked", report.n_revoked);
    json_object_set_new(o, "waits", json_boolean(report.waits));
    json_object_set_new(o, "why", report.file.refused ? json_string(report.file.why) : json_null());
    return o;
}

json_t *etcd_report(const struct status_sources *s)
{
    return s->config->keys.etcd.n_endpoints == 0 ? json_null()
                                                 : report_metrics(METRIC_ETCD, s->etcd);
}

json_t *keys_answer(const struct status_sources *s)
{
    struct keys_line line[KEYS_LINES];
    struct keys_schedule schedule;
    const uint64_t now = now_ns();
    const size_t n = keys_describe(s->keys, now, line);
    keys_schedule(s->keys, now, &schedule);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const bool is_old = line[i].old > 0;
        const int old = is_old ? (int)line[i].old : strcmp(line[i].role, "future") == 0 ? -1 : 0;
        json_t *o = key_report(s, &line[i]);
        json_object_set_new(o, "old", is_old ? json_integer(old) : json_null());
        report_set_int(o, "opens_for_s", opens_for_s(&schedule, old));
        json_array_append_new(list, o);
    }
    json_t *o = json_object();
    json_object_set_new(o, "keys", list);
    report_set_int(o, "rotate_s", schedule.rotate_s);
    report_set_int(o, "keep", schedule.keep);
    report_set_int(o, "next_rotation_s", schedule.next_s);
    json_object_set_new(o, "rotating", json_boolean(schedule.rotating));
    json_object_set_new(o, "writing", json_boolean(schedule.writing));
    json_object_set_new(o, "failing", json_boolean(schedule.failing));
    json_object_set_new(o, "fleet", document_report(s->keys));
    json_object_set_new(o, "etcd", etcd_report(s));
    return o;
}

static char *not_changed(int err)
{
    char text[200];
    snprintf(text, sizeof text,
             "the new keys could not be made or written: %s; the keys in use stay, and the "
             "change is tried again each minute",
             strerror(-err));
    return json_line(json_pack("{s:s}", "error", text));
}

char *keys_changed(const struct keys *keys)
{
    const struct keys_outcome *outcome = keys_outcome(keys);
    struct keys_line line[KEYS_LINES];
    if (outcome->asked != KEYS_ROTATED)
        return not_changed(outcome->err);
    const size_t n = keys_describe(keys, now_ns(), line);
    json_t *wiped = json_array(), *o = json_object();
    for (uint32_t i = 0; i < outcome->n_wiped; i++)
        json_array_append_new(wiped, id_text(outcome->wiped[i]));
    for (size_t i = 0; i < n; i++)
        if (strcmp(line[i].role, "old") != 0)
            json_object_set_new(o, line[i].role, id_text(line[i].id));
    json_object_set_new(o, "wiped", wiped);
    report_set_int(o, "imported", outcome->n_imported);
    report_set_int(o, "keys", n);
    return json_line(o);
}
