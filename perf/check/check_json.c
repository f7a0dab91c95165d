// Names are stable: ntsperf(1) documents them.
#include "perf/check/check_write.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

static json_t *text_or_null(const char *text)
{
    json_t *value = text[0] != '\0' ? json_string(text) : NULL;
    return value ? value : json_null();
}

static json_t *date_of(int64_t s)
{
    char text[32];
    struct tm parts;
    time_t at = (time_t)s;
    if (!gmtime_r(&at, &parts) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return json_null();
    return json_string(text);
}

static json_t *ke_of(const struct check_plan *plan, const struct check_ke *ke)
{
    json_t *o = json_pack("{s:s, s:b, s:s, s:o, s:o, s:i}", "host", plan->host, "granted",
                          ke->granted, "outcome", ke->outcome, "error", text_or_null(ke->fault),
                          "address", text_or_null(ke->address), "port", ke->port);
    if (!ke->granted)
        return o;
    json_t *more = json_pack(
        "{s:s, s:I, s:{s:o, s:o, s:f}, s:[i], s:i, s:i, s:i, s:o, s:i}", "tls", ke->tls,
        "first_cookie_ns", (json_int_t)ke->took_ns, "certificate", "subject",
        text_or_null(ke->subject), "expires", date_of(ke->expires_s), "days", ke->days,
        "aeads_offered", ke->aead, "aead", ke->aead, "cookies", ke->n_cookies, "cookie_len",
        ke->cookie_len, "ntp_server", text_or_null(ke->ntp_server), "ntp_port", ke->ntp_port);
    json_object_update(o, more);
    json_decref(more);
    return o;
}

static json_t *exchange_of(const struct check_exchange *e)
{
    json_t *o = json_pack("{s:s, s:o}", "reply", check_reply_names[e->reply], "error",
                          text_or_null(e->why));
    if (e->reply != CHECK_REPLY_TIME)
        return o;
    json_t *more = json_pack("{s:i, s:i, s:i, s:i, s:I, s:I, s:I}", "cookies_asked", e->asked,
                             "cookies", e->n_cookies, "request_len", e->request_len, "reply_len",
                             e->reply_len, "residence_ns", (json_int_t)e->residence_ns, "offset_ns",
                             (json_int_t)e->offset_ns, "delay_ns", (json_int_t)e->delay_ns);
    json_object_update(o, more);
    json_decref(more);
    json_object_set_new(o, "instance_id", text_or_null(e->id));
    return o;
}

// The clock, by the exchange with the least delay.
static json_t *clock_of(const struct check_ntp *ntp)
{
    const struct check_exchange *e = check_best(ntp);
    char id[9];
    if (!e)
        return json_null();
    snprintf(id, sizeof id, "%08x", e->reference_id);
    return json_pack("{s:I, s:I, s:i, s:i, s:s, s:I, s:I}", "offset_ns", (json_int_t)e->offset_ns,
                     "delay_ns", (json_int_t)e->delay_ns, "leap", e->leap, "stratum", e->stratum,
                     "reference_id", id, "root_delay_ns", (json_int_t)e->root_delay_ns,
                     "root_dispersion_ns", (json_int_t)e->root_dispersion_ns);
}

static json_t *ntp_of(const struct check_ntp *ntp)
{
    json_t *exchanges = json_array();
    for (unsigned i = 0; i < CHECK_EXCHANGES; i++)
        json_array_append_new(exchanges, exchange_of(&ntp->exchange[i]));
    return json_pack("{s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "address", text_or_null(ntp->address),
                     "port", ntp->port, "error", text_or_null(ntp->fault), "exchanges", exchanges,
                     "clock", clock_of(ntp), "spoiled_cookie", exchange_of(&ntp->spoiled), "plain",
                     exchange_of(&ntp->plain));
}

void check_write_json(const struct check_plan *plan, const struct check_result *result,
                      const struct check_findings *findings, FILE *out)
{
    static const char *const levels[] = {"ok", "warning", "critical", "unknown"};
    enum check_level worst = findings->n > 0 ? findings->finding[0].level : CHECK_OK;
    json_t *list = json_array();
    for (unsigned i = 0; i < findings->n; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "level", levels[findings->finding[i].level],
                                        "text", findings->finding[i].text));
    json_t *o = json_pack("{s:s, s:s, s:i, s:o, s:o, s:o}", "ntsperf", NOONMARK_VERSION, "verdict",
                          levels[worst], "exit_status", (int)worst, "findings", list, "ke",
                          ke_of(plan, &result->ke), "ntp", ntp_of(&result->ntp));
    json_dumpf(o, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(o);
}
