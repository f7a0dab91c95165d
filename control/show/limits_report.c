// The limits' object. Its names are stable and documented in noonmarkctl(1): extend, do not rename.
#include "control/show/limits_report.h"

#include "base/tsc.h"
#include "board/limited.h"
#include "config/schema.h"
#include "control/show/report.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NOW_S = 1,     // a rung holds for so long after the last burst that was handled on it
    LATELY_S = 60, // sources that were refused longer ago are left out
};

struct refused {
    struct limited_source source;
    int64_t core; // its CPU; -1: the kernel's path
};

// Of all cores together, most refused first.
struct all_refused {
    size_t n;
    struct refused refused[(CORES_MAX + 1) * LIMITED_SOURCES];
};

static uint64_t ticks_a_second(const struct status_sources *s)
{
    struct ntp_state state;
    uint64_t seen;
    return snapshot_read(&s->control->ntp_state, &state, sizeof state, &seen) ? state.tsc_hz : 0;
}

static void collect(const struct limited_sources *sources, int64_t core, uint64_t now, uint64_t hz,
                    struct all_refused *all)
{
    struct limited_source source[LIMITED_SOURCES];
    const size_t n = limited_read(sources, source);
    for (size_t i = 0; i < n; i++)
        if (source[i].by < LIMITED_KINDS && now - source[i].tsc < LATELY_S * hz)
            all->refused[all->n++] = (struct refused){source[i], core};
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = ((const struct refused *)a)->source.n;
    const uint64_t y = ((const struct refused *)b)->source.n;
    return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *source_text(const struct limited_source *source)
{
    char address[INET6_ADDRSTRLEN] = "?";
    char text[sizeof address + 4];
    if (source->v6 == 0) {
        const struct in_addr v4 = {htonl((uint32_t)source->prefix)};
        inet_ntop(AF_INET, &v4, address, sizeof address);
    } else {
        struct in6_addr v6 = {0};
        for (unsigned i = 0; i < 8; i++)
            v6.s6_addr[i] = (uint8_t)(source->prefix >> (56 - 8 * i));
        inet_ntop(AF_INET6, &v6, address, sizeof address);
    }
    snprintf(text, sizeof text, "%s%s", address, source->v6 == 0 ? "" : "/64");
    return json_string(text);
}

static json_t *sources_report(const struct status_sources *s, uint64_t hz)
{
    static const char *const by[LIMITED_KINDS] = {"plain", "session", "nak", "overload"};
    static struct all_refused all; // main thread only; static for its size
    const uint64_t now = tsc_now();
    json_t *list = json_array();
    all.n = 0;
    if (hz == 0)
        return list;
    for (uint32_t i = 0; i < report_bounded(&s->dataplane->n_cores, CORES_MAX); i++)
        collect(&s->dataplane->limited[i], s->dataplane->core_id[i], now, hz, &all);
    collect(&s->dataplane->kernel_path_limited, -1, now, hz, &all);
    qsort(all.refused, all.n, sizeof all.refused[0], by_number);
    for (size_t i = 0; i < all.n; i++) {
        const struct limited_source *source = &all.refused[i].source;
        json_t *o = json_object();
        json_object_set_new(o, "source", source_text(source));
        json_object_set_new(o, "limit", json_string(by[source->by]));
        report_set_int(o, "refused", source->n);
        json_object_set_new(o, "seconds_ago", json_real((double)(now - source->tsc) / (double)hz));
        json_object_set_new(
            o, "cpu", all.refused[i].core < 0 ? json_null() : json_integer(all.refused[i].core));
        json_array_append_new(list, o);
    }
    return list;
}

// The rung of the core that is on the highest one now; 0: none is.
static uint64_t rung_now(const struct board_dataplane *board, uint64_t hz)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < report_bounded(&board->n_cores, CORES_MAX); i++) {
        const struct core_counters *core = &board->core[i];
        const uint64_t rung = atomic_load_explicit(&core->overload_rung, memory_order_relaxed);
        const uint64_t at = atomic_load_explicit(&core->overload_tsc, memory_order_relaxed);
        if (at != 0 && tsc_now() - at < NOW_S * hz && rung > highest)
            highest = rung;
    }
    return highest;
}

static json_t *rate_report(const struct config_rate *rate)
{
    json_t *o = json_object();
    report_set_int(o, "per_second", rate->per_second);
    report_set_int(o, "burst", rate->burst);
    return o;
}

static json_t *settings_report(const struct config_limits *limits)
{
    json_t *o = json_object();
    json_object_set_new(o, "plain", rate_report(&limits->plain));
    json_object_set_new(o, "leak", json_real((double)limits->leak / CONFIG_FRACTION_ONE));
    json_object_set_new(o, "kod", json_boolean(limits->kod == SWITCH_TRUE));
    json_object_set_new(o, "session", rate_report(&limits->session));
    json_object_set_new(o, "nak_share", json_real((double)limits->nak_share / CONFIG_FRACTION_ONE));
    json_object_set_new(o, "overload", json_boolean(limits->overload == SWITCH_TRUE));
    json_object_set_new(o, "dry_run", json_boolean(limits->dry_run == SWITCH_TRUE));
    return o;
}

json_t *limits_answer(const struct status_sources *s)
{
    const uint64_t hz = ticks_a_second(s);
    json_t *o = json_object();
    json_object_set_new(o, "role", json_string(schema_role_words[s->config->role]));
    json_object_set_new(o, "settings", settings_report(&s->config->dataplane.limits));
    report_set_int(o, "overload_rung", rung_now(s->dataplane, hz));
    json_object_set_new(o, "refused", sources_report(s, hz));
    return o;
}
