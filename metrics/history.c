#include "metrics/history.h"

#include "base/now.h"
#include "metrics/places.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SERIES_MAX = 128 };

struct history {
    uint64_t due_ns;
    uint64_t tsc_hz;
    size_t n;    // points
    size_t next; // where the next one goes
    int64_t value[HISTORY_POINTS][SERIES_MAX];
};

struct history *history_make(void)
{
    return calloc(1, sizeof(struct history));
}

// The name of this row in the JSON object; NULL if the history does not keep the row.
static const char *name_of(const struct metric *m)
{
    switch (m->place) {
    case METRIC_CORES:
    case METRIC_KE:
    case METRIC_PORT:
        return m->form == METRIC_DEPARTS || m->family->type != METRIC_COUNTER ? NULL : m->json;
    case METRIC_FACTS:
        return m->form != METRIC_NS_KNOWN ? NULL : m->json != NULL ? m->json : m->family->name;
    default:
        return NULL;
    }
}

// The sum over all structs that have the row, METRIC_UNKNOWN if there is none.
static int64_t sum_of(const struct places *p, const struct metric *m)
{
    int64_t sum = 0;
    bool any = false;

    for (size_t i = 0; i < p->n; i++) {
        if (p->place[i].kind != m->place)
            continue;
        const int64_t value = metric_read(m, p->place[i].at);
        if (value == METRIC_UNKNOWN)
            return METRIC_UNKNOWN;
        sum += value;
        any = true;
    }
    return any ? sum : METRIC_UNKNOWN;
}

uint64_t history_turn(struct history *h, const struct exposition_sources *sources, uint64_t now)
{
    static struct places places;
    size_t n = 0;

    if (now < h->due_ns)
        return h->due_ns;
    // After a pause of the machine the points go on from here.
    const uint64_t step = HISTORY_STEP_S * 1000 * (uint64_t)NOW_NS_PER_MS;
    h->due_ns = h->due_ns != 0 && now - h->due_ns < step ? h->due_ns + step : now + step;
    places_gather(sources, &places);
    h->tsc_hz = places.clock.tsc_hz;
    for (size_t i = 0; i < metrics_n && n < SERIES_MAX; i++)
        if (name_of(&metrics[i]) != NULL)
            h->value[h->next][n++] = sum_of(&places, &metrics[i]);
    h->next = (h->next + 1) % HISTORY_POINTS;
    h->n += h->n < HISTORY_POINTS;
    return h->due_ns;
}

static int64_t point(const struct history *h, size_t i, size_t series)
{
    return h->value[(h->next + HISTORY_POINTS - h->n + i) % HISTORY_POINTS][series];
}

static bool is_always_0(const struct history *h, size_t series)
{
    for (size_t i = 0; i < h->n; i++)
        if (point(h, i, series) != 0)
            return false;
    return true;
}

void history_write(const struct history *h, FILE *out)
{
    size_t n = 0;
    const char *comma = "";

    fprintf(out, "{\"step_s\":%d,\"tsc_hz\":%" PRIu64 ",\"points\":%zu,\"series\":{",
            HISTORY_STEP_S, h->tsc_hz, h->n);
    for (size_t i = 0; i < metrics_n && n < SERIES_MAX; i++) {
        const char *name = name_of(&metrics[i]);
        if (name == NULL || is_always_0(h, n++))
            continue;
        fprintf(out, "%s\"%s\":[", comma, name);
        for (size_t j = 0; j < h->n; j++) {
            const int64_t value = point(h, j, n - 1);
            if (value == METRIC_UNKNOWN)
                fprintf(out, "%snull", j == 0 ? "" : ",");
            else
                fprintf(out, "%s%" PRId64, j == 0 ? "" : ",", value);
        }
        fputc(']', out);
        comma = ",";
    }
    fputs("}}\n", out);
}
