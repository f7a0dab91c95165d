#include "ctl/top_rates.h"

#include "ctl/member.h"

#include <string.h>

struct span {
    const struct top_sample *before, *now;
    double seconds;
};

static const json_t *of(const struct top_sample *sample, const char *name)
{
    return json_object_get(sample->status, name);
}

// A counter that has fallen counts from 0: the server was started anew.
static double rise(const json_t *before, const json_t *now, const char *name)
{
    const int64_t was = member_number(before, name), is = member_number(now, name);
    return (double)(is >= was ? is - was : is);
}

static double rate(const struct span *span, const char *object, const char *name)
{
    return rise(of(span->before, object), of(span->now, object), name) / span->seconds;
}

static void set_real(json_t *object, const char *name, double value)
{
    json_object_set_new(object, name, json_real(value));
}

static void set_copy(json_t *object, const char *name, const json_t *from, const char *member)
{
    json_t *value = json_object_get(from, member);
    json_object_set_new(object, name, value != NULL ? json_deep_copy(value) : json_null());
}

static json_t *replies(const struct span *span)
{
    json_t *o = json_object();
    set_real(o, "plain", rate(span, "counters", "answered_plain"));
    set_real(o, "nts", rate(span, "counters", "answered_nts"));
    set_real(o, "nak", rate(span, "counters", "answered_nak"));
    return o;
}

// Frames that were lost before a core saw them, of all ports.
static double missed(const struct span *span)
{
    double sum = 0;
    size_t i;
    json_t *port;
    json_array_foreach(of(span->now, "ports"), i, port) sum +=
        rise(json_array_get(of(span->before, "ports"), i), port, "rx_missed");
    return sum / span->seconds;
}

// Inserts it behind those that are not smaller.
static void insert(json_t *list, const char *cause, double per_s)
{
    size_t at = 0;
    if (per_s <= 0)
        return;
    while (at < json_array_size(list) && member_real(json_array_get(list, at), "per_s") >= per_s)
        at++;
    json_array_insert_new(list, at, json_pack("{s:s, s:f}", "cause", cause, "per_s", per_s));
}

// Those that happen, the largest first.
static json_t *drops(const struct span *span)
{
    json_t *list = json_array();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)of(span->now, "counters"), name,
                        value) if (strncmp(name, "dropped_", strlen("dropped_")) == 0)
        insert(list, name, rate(span, "counters", name));
    insert(list, "rx_missed", missed(span));
    insert(list, "kernel_path_stale", rate(span, "dataplane", "kernel_path_stale"));
    insert(list, "guard_discarded", rate(span, "dataplane", "guard_discarded"));
    return list;
}

// The share of its time that the core had packets; null before the clock is known.
static json_t *busy(const struct span *span, const json_t *before, const json_t *now)
{
    const double hz = member_real(span->now->clock, "tsc_hz");
    if (hz <= 0)
        return json_null();
    const double share = rise(before, now, "busy_cycles") / hz / span->seconds;
    return json_real(share < 1 ? share : 1);
}

static json_t *cores(const struct span *span)
{
    json_t *list = json_array();
    size_t i;
    json_t *core;
    json_array_foreach(of(span->now, "cores"), i, core)
    {
        const json_t *before = json_array_get(of(span->before, "cores"), i);
        json_t *o = json_object();
        set_copy(o, "cpu", core, "cpu");
        json_object_set_new(o, "busy", busy(span, before, core));
        set_real(o, "requests_per_s", rise(before, core, "frames_received") / span->seconds);
        set_copy(o, "departure_ns", core, "departure_ns");
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *ke(const struct span *span)
{
    json_t *o = json_object();
    set_real(o, "accepted_per_s", rate(span, "ke", "accepted"));
    set_real(o, "completed_per_s", rate(span, "ke", "completed"));
    set_copy(o, "open", of(span->now, "ke"), "open");
    return o;
}

static json_t *clock_state(const struct span *span)
{
    const json_t *clock = span->now->clock, *served = json_object_get(clock, "clock");
    const json_t *health = json_object_get(clock, "health");
    json_t *o = json_object();
    set_copy(o, "source", served, "source");
    set_copy(o, "serving", served, "serving");
    set_copy(o, "synchronised", served, "synchronised");
    set_copy(o, "stratum", served, "stratum");
    set_copy(o, "health", health, "state");
    set_copy(o, "reason", health, "reason");
    set_copy(o, "for_s", health, "for_s");
    set_copy(o, "offset_s", clock, "source_offset_s");
    set_copy(o, "error_bound_s", clock, "error_bound_s");
    return o;
}

json_t *top_rates(const struct top_sample *before, const struct top_sample *now)
{
    const double seconds = now->at_s - before->at_s;
    const struct span span = {before, now, seconds > 0 ? seconds : 1};
    json_t *o = json_object();
    set_copy(o, "version", now->status, "version");
    set_copy(o, "role", now->status, "role");
    set_real(o, "interval_s", span.seconds);
    set_real(o, "requests_per_s", rate(&span, "counters", "frames_received"));
    json_object_set_new(o, "replies_per_s", replies(&span));
    json_object_set_new(o, "drops", drops(&span));
    json_object_set_new(o, "cores", cores(&span));
    set_real(o, "kernel_path_per_s", rate(&span, "kernel_path", "frames_received"));
    json_object_set_new(o, "ke", ke(&span));
    json_object_set_new(o, "clock", clock_state(&span));
    set_copy(o, "keys", now->status, "keys");
    set_copy(o, "idle", of(now, "dataplane"), "idle");
    set_copy(o, "dataplane_serving", of(now, "dataplane"), "serving");
    return o;
}
