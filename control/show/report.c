// The parts of answers that several have.
#include "control/show/report.h"

#include "base/printable.h"

#include <string.h>

static uint64_t read_word(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

void report_set_int(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *json_of(const struct metric *metric, const void *place)
{
    int64_t n = metric_read(metric, place);
    switch (metric->form) {
    case METRIC_FLAG8:
    case METRIC_FLAG32:
        return json_boolean(n != 0);
    case METRIC_SHORT: // NTP short format
        return json_real((double)n / 65536);
    case METRIC_BEAT:
        return n < 0 ? json_null() : json_integer(n);
    case METRIC_NS_KNOWN:
        return n == METRIC_UNKNOWN ? json_null() : json_integer(n);
    default:
        return json_integer(n);
    }
}

// Adds the metrics of a struct under their names.
void report_set_metrics(json_t *object, enum metric_place place, const void *of)
{
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *m = &metrics[i];
        if (m->place == place && m->json != NULL && m->form != METRIC_DEPARTS &&
            m->form != METRIC_TIMES)
            json_object_set_new(object, m->json, json_of(m, of));
    }
}

json_t *report_metrics(enum metric_place place, const void *of)
{
    json_t *o = json_object();
    report_set_metrics(o, place, of);
    return o;
}

// Reads the number of described elements. Partner: the release that publishes it after the elements
// are written.
uint32_t report_bounded(const _Atomic uint32_t *n, uint32_t max)
{
    uint32_t v = atomic_load_explicit(n, memory_order_acquire);
    return v < max ? v : max;
}

// Text that another process wrote: it may have no NUL and may not be UTF-8, and invalid UTF-8 would
// make the whole answer fail.
json_t *report_text(const char text[BOARD_NAME_LEN])
{
    char copy[BOARD_NAME_LEN];
    memcpy(copy, text, sizeof copy);
    const size_t len = strnlen(copy, sizeof copy);
    printable(copy, len);
    return json_stringn(copy, len);
}

// A histogram: each bin's greatest error in ns (null for the last bin), and its count.
json_t *report_departures(const struct core_counters *sum)
{
    json_t *list = json_array();
    for (size_t i = 0; i < DEPARTURE_BINS; i++) {
        json_t *o = json_object();
        bool last = i == DEPARTURE_BINS - 1;
        json_object_set_new(o, "up_to_ns",
                            last ? json_null() : json_integer((json_int_t)departure_bin_ns[i]));
        report_set_int(o, "count", read_word(&sum->departure_error[i]));
        json_array_append_new(list, o);
    }
    return list;
}
