// One walk over the families of the table; below each family its rows, below each row the structs
// that have it. So all samples of a family stand together, as OpenMetrics demands.
#include "metrics/exposition.h"

#include "board/metrics.h"
#include "metrics/places.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *const exposition_type[EXPOSITION_FORMATS] = {
    [EXPOSITION_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    [EXPOSITION_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
};

enum { WHOLE_S_NS = 1000000000, MS_PER_S = 1000, VALUE_MAX = 40 };

// All digits of a number of nanoseconds, in seconds.
static void seconds_text(int64_t ns, char text[VALUE_MAX])
{
    const uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    snprintf(text, VALUE_MAX, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", size / WHOLE_S_NS,
             size % WHOLE_S_NS);
}

// In the family's unit. False: it is not known, and has no sample.
static bool value_text(const struct metric *metric, const void *of, char text[VALUE_MAX])
{
    const int64_t n = metric_read(metric, of);
    switch (metric->form) {
    case METRIC_U64:
        snprintf(text, VALUE_MAX, "%" PRIu64, (uint64_t)n);
        return true;
    case METRIC_NS_KNOWN:
        if (n == METRIC_UNKNOWN)
            return false;
        seconds_text(n, text);
        return true;
    case METRIC_NS:
    case METRIC_NS32:
    case METRIC_PPB32:
        seconds_text(n, text);
        return true;
    case METRIC_SHORT:
        snprintf(text, VALUE_MAX, "%.9g", (double)n / 65536);
        return true;
    case METRIC_LOG2:
        snprintf(text, VALUE_MAX, "%.9g", ldexp(1, (int)n));
        return true;
    case METRIC_BEAT:
        snprintf(text, VALUE_MAX, "%.3f", (double)n / MS_PER_S);
        return n >= 0;
    case METRIC_U32:
    case METRIC_U8:
    case METRIC_FLAG32:
    case METRIC_FLAG8:
    case METRIC_UNIX:
        snprintf(text, VALUE_MAX, "%" PRId64, n);
        return true;
    case METRIC_TIMES:
    case METRIC_DEPARTS:
        break;
    }
    return false;
}

static void write_sample(FILE *out, const char *name, const char *suffix, const char *labels,
                         const struct metric *metric, const char *value)
{
    const bool has_own = metric != NULL && metric->label != NULL;
    const bool any = has_own || labels[0] != '\0';

    fprintf(out, "%s%s%s%s", name, suffix, any ? "{" : "", labels);
    if (has_own)
        fprintf(out, "%s%s=\"%s\"", labels[0] == '\0' ? "" : ",", metric->label, metric->value);
    fprintf(out, "%s %s\n", any ? "}" : "", value);
}

// OpenMetrics, section 'Histogram': with thresholds below 0 there is no sum, and without a sum no
// count. Prometheus' older format has both for every histogram; there the count stands alone.
static void write_departures(FILE *out, enum exposition_format format, const char *name,
                             const char *labels, const struct core_counters *core)
{
    char with[PLACE_LABELS_MAX + 32], value[VALUE_MAX];
    uint64_t sum = 0;

    for (int i = 0; i < DEPARTURE_BINS; i++) {
        sum += atomic_load_explicit(&core->departure_error[i], memory_order_relaxed);
        snprintf(value, sizeof value, "%" PRIu64, sum);
        if (i == DEPARTURE_BINS - 1)
            snprintf(with, sizeof with, "%s,le=\"+Inf\"", labels);
        else if (departure_bin_ns[i] == 0)
            snprintf(with, sizeof with, "%s,le=\"0.0\"", labels);
        else
            snprintf(with, sizeof with, "%s,le=\"%g\"", labels,
                     (double)departure_bin_ns[i] / WHOLE_S_NS);
        write_sample(out, name, "_bucket", with, NULL, value);
    }
    if (format == EXPOSITION_TEXT)
        write_sample(out, name, "_count", labels, NULL, value);
}

// OpenMetrics writes whole numbers of a threshold with a digit behind the point.
static void write_times(FILE *out, const char *name, const struct ke_durations *times)
{
    char label[48], value[VALUE_MAX];
    uint64_t sum = 0;

    for (int i = 0; i < KE_TIME_BINS; i++) {
        const bool last = i == KE_TIME_BINS - 1;
        const uint64_t ns = last ? 0 : ke_time_bin_ns[i];
        sum += atomic_load_explicit(&times->bin[i], memory_order_relaxed);
        snprintf(value, sizeof value, "%" PRIu64, sum);
        if (last)
            snprintf(label, sizeof label, "le=\"+Inf\"");
        else
            snprintf(label, sizeof label, "le=\"%g%s\"", (double)ns / WHOLE_S_NS,
                     ns % WHOLE_S_NS == 0 ? ".0" : "");
        write_sample(out, name, "_bucket", label, NULL, value);
    }
    write_sample(out, name, "_count", "", NULL, value);
    seconds_text((int64_t)atomic_load_explicit(&times->sum_ns, memory_order_relaxed), value);
    write_sample(out, name, "_sum", "", NULL, value);
}

static void write_head(FILE *out, enum exposition_format format, const char *name,
                       const char *suffix, const char *type, const char *unit, const char *help)
{
    // The older format names what stands in the samples.
    const char *more = format == EXPOSITION_TEXT ? suffix : "";
    fprintf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, more, help, name, more, type);
    if (format == EXPOSITION_OPENMETRICS && unit[0] != '\0')
        fprintf(out, "# UNIT %s %s\n", name, unit);
}

static void write_family(FILE *out, enum exposition_format format,
                         const struct metric_family *family, const struct places *p)
{
    static const char *const type[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const char *suffix = family->type == METRIC_COUNTER ? "_total" : "";
    char value[VALUE_MAX];

    write_head(out, format, family->name, suffix, type[family->type], family->unit, family->help);
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *m = &metrics[i];
        for (size_t j = 0; j < p->n && m->family == family; j++) {
            const struct place *place = &p->place[j];
            if (place->kind != m->place)
                continue;
            if (m->form == METRIC_DEPARTS)
                write_departures(out, format, family->name, place->labels, place->at);
            else if (m->form == METRIC_TIMES)
                write_times(out, family->name, (const void *)((const char *)place->at + m->at));
            else if (value_text(m, place->at, value))
                write_sample(out, family->name, suffix, place->labels, m, value);
        }
    }
}

// What is text is the label of a number that is 1.
static void write_info_head(FILE *out, enum exposition_format format, const char *name,
                            const char *help)
{
    write_head(out, format, name, "_info", format == EXPOSITION_TEXT ? "gauge" : "info", "", help);
}

static void write_infos(FILE *out, enum exposition_format format,
                        const struct exposition_sources *s, const struct places *p)
{
    char labels[4 * PLACE_LABELS_MAX] = "";

    write_info_head(out, format, "noonmark_build", "The version of noonmark that runs, and how.");
    places_label(labels, sizeof labels, "version", NOONMARK_VERSION, BOARD_NAME_LEN);
    places_label(labels, sizeof labels, "crypto", s->dataplane->crypto, BOARD_NAME_LEN);
    places_label(labels, sizeof labels, "memory", s->dataplane->memory, BOARD_NAME_LEN);
    write_sample(out, "noonmark_build", "_info", labels, NULL, "1");

    write_info_head(out, format, "noonmark_clock_source",
                    "Who says how right the clock is, and what it follows.");
    labels[0] = '\0';
    places_label(labels, sizeof labels, "source", p->facts.source, FACT_TEXT_LEN);
    places_label(labels, sizeof labels, "reference", p->facts.reference, FACT_TEXT_LEN);
    if (s->role != SERVE_KE)
        write_sample(out, "noonmark_clock_source", "_info", labels, NULL, "1");

    if (p->facts.fleet.fingerprint[0] != '\0') {
        write_info_head(out, format, "noonmark_fleet",
                        "The keys that the fleet's document gives: the same on all nodes.");
        labels[0] = '\0';
        places_label(labels, sizeof labels, "fingerprint", p->facts.fleet.fingerprint,
                     FACT_TEXT_LEN);
        write_sample(out, "noonmark_fleet", "_info", labels, NULL, "1");
    }

    write_info_head(out, format, "noonmark_port",
                    "What a port is, and where its times of arrival and departure come from.");
    for (size_t i = 0; i < p->n; i++) {
        const struct board_port *port = p->place[i].at;
        if (p->place[i].kind != METRIC_PORT)
            continue;
        snprintf(labels, sizeof labels, "%s", p->place[i].labels);
        places_label(labels, sizeof labels, "driver", port->driver, BOARD_NAME_LEN);
        places_label(labels, sizeof labels, "mode", port->mode, BOARD_NAME_LEN);
        places_label(labels, sizeof labels, "stamps", port->stamps, BOARD_NAME_LEN);
        places_label(labels, sizeof labels, "departures", port->departures, BOARD_NAME_LEN);
        write_sample(out, "noonmark_port", "_info", labels, NULL, "1");
    }
}

// Facts of this moment that no struct has as a number.
static void write_moment(FILE *out, enum exposition_format format,
                         const struct exposition_sources *s, const struct places *p)
{
    char value[VALUE_MAX];

    write_head(out, format, "noonmark_clock_synchronised", "", "gauge", "",
               "Whether the clock is served as synchronised: by a dataplane that believes it.");
    snprintf(value, sizeof value, "%d", p->clock_served && p->clock.leap != LEAP_UNKNOWN);
    if (s->role != SERVE_KE) // it serves no clock
        write_sample(out, "noonmark_clock_synchronised", "", "", NULL, value);
    write_head(out, format, "process_start_time_seconds", "", "gauge", "seconds",
               "When the process that answers was started, in Unix time.");
    snprintf(value, sizeof value, "%" PRId64, s->started_s);
    write_sample(out, "process_start_time_seconds", "", "", NULL, value);
}

static bool is_first_of_family(size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (metrics[j].family == metrics[i].family)
            return false;
    return true;
}

void exposition_write(const struct exposition_sources *s, enum exposition_format format, FILE *out)
{
    static struct places places;

    places_gather(s, &places);
    write_infos(out, format, s, &places);
    write_moment(out, format, s, &places);
    for (size_t i = 0; i < metrics_n; i++)
        if (is_first_of_family(i))
            write_family(out, format, metrics[i].family, &places);
    if (format == EXPOSITION_OPENMETRICS)
        fputs("# EOF\n", out);
}
