// The status object. Its names are stable and documented in noonmarkctl(1): extend, do not rename.

#include "control/show/status_report.h"

#include "base/now.h"
#include "base/printable.h"
#include "base/tsc.h"
#include "board/metrics.h"
#include "control/keys/keys.h"
#include "control/show/json_line.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t read_word(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void set_int(json_t *object, const char *name, uint64_t value)
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
    default:
        return json_integer(n);
    }
}

// Adds the metrics of a struct under their names.
static void set_metrics(json_t *object, enum metric_place place, const void *of)
{
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *m = &metrics[i];
        if (m->place == place && m->json != NULL && m->form != METRIC_DEPARTS)
            json_object_set_new(object, m->json, json_of(m, of));
    }
}

static json_t *metrics_report(enum metric_place place, const void *of)
{
    json_t *o = json_object();
    set_metrics(o, place, of);
    return o;
}

// Reads the number of described elements. Partner: the release that publishes it after the elements
// are written.
static uint32_t bounded(const _Atomic uint32_t *n, uint32_t max)
{
    uint32_t v = atomic_load_explicit(n, memory_order_acquire);
    return v < max ? v : max;
}

// Is a dataplane running? Partner: the release in dataplane.c's show().
static bool is_up(const struct board_dataplane *board)
{
    return atomic_load_explicit(&board->version, memory_order_acquire) != 0;
}

// The cores' counters, read once, so that their sum matches the values that are shown for each
// core.
struct cores {
    uint32_t n;
    struct core_counters core[CORES_MAX], sum;
};

static void read_cores(const struct board_dataplane *board, struct cores *cores)
{
    memset(&cores->sum, 0, sizeof cores->sum);
    cores->n = bounded(&board->n_cores, CORES_MAX);
    for (uint32_t i = 0; i < cores->n; i++) {
        counters_read(&board->core[i], &cores->core[i]);
        counters_sum(&cores->sum, &cores->core[i]);
    }
}

static json_t *cores_report(const struct board_dataplane *board, const struct cores *cores)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < cores->n; i++) {
        json_t *o = metrics_report(METRIC_CORES, &cores->core[i]);
        set_int(o, "cpu", board->core_id[i]);
        set_metrics(o, METRIC_CORE, &cores->core[i]);
        json_array_append_new(list, o);
    }
    return list;
}

// Text that another process wrote: it may have no NUL and may not be UTF-8, and invalid UTF-8 would
// make the whole answer fail.
static json_t *board_text(const char text[BOARD_NAME_LEN])
{
    char copy[BOARD_NAME_LEN];
    memcpy(copy, text, sizeof copy);
    const size_t len = strnlen(copy, sizeof copy);
    printable(copy, len);
    return json_stringn(copy, len);
}

static const char *port_state(const struct board_port *port)
{
    static const char *const name[BOARD_PORT_STATES] = {
        [BOARD_PORT_CLOSED] = "closed",
        [BOARD_PORT_OPEN] = "open",
        [BOARD_PORT_MISSING] = "missing",
        [BOARD_PORT_BLOCKED] = "blocked",
    };
    const uint32_t state = atomic_load_explicit(&port->state, memory_order_relaxed);
    return state < BOARD_PORT_STATES ? name[state] : "closed";
}

static json_t *ports_report(const struct board_dataplane *board)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < bounded(&board->n_ports, PORTS_MAX); i++) {
        const struct board_port *p = &board->port[i];
        char mac[18];
        snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1], p->mac[2],
                 p->mac[3], p->mac[4], p->mac[5]);
        json_t *o = metrics_report(METRIC_PORT, p);
        json_object_set_new(o, "name", board_text(p->name));
        json_object_set_new(o, "driver", board_text(p->driver));
        json_object_set_new(o, "mode", board_text(p->mode));
        json_object_set_new(o, "mac", json_string(mac));
        json_object_set_new(o, "stamps", board_text(p->stamps));
        json_object_set_new(o, "state", json_string(port_state(p)));
        const uint32_t program = atomic_load_explicit(&p->program, memory_order_relaxed);
        json_object_set_new(o, "xdp_program", program ? json_integer(program) : json_null());
        json_array_append_new(list, o);
    }
    return list;
}

// A histogram: each bin's greatest error in ns (null for the last bin), and its count.
static json_t *departures_report(const struct core_counters *sum)
{
    json_t *list = json_array();
    for (size_t i = 0; i < DEPARTURE_BINS; i++) {
        json_t *o = json_object();
        bool last = i == DEPARTURE_BINS - 1;
        json_object_set_new(o, "up_to_ns",
                            last ? json_null() : json_integer((json_int_t)departure_bin_ns[i]));
        set_int(o, "count", read_word(&sum->departure_error[i]));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *keys_report(const struct keys *keys)
{
    struct keys_line line[KEYS_LINES];
    size_t n = keys_describe(keys, now_ns(), line);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        char id[9];
        snprintf(id, sizeof id, "%08x", line[i].id);
        const struct metric_key numbers = {.age_s = line[i].age_s};
        json_t *o = metrics_report(METRIC_KEY, &numbers);
        json_object_set_new(o, "id", json_string(id));
        json_object_set_new(o, "role", json_string(line[i].role));
        json_array_append_new(list, o);
    }
    return list;
}

static const char *source_word(const struct config *config)
{
    static const char *const words[] = {
        [TIME_SYSTEM] = "system", [TIME_CHRONYD] = "chronyd", [TIME_FIXED] = "fixed"};
    return words[config->time.source];
}

enum { REFERENCE_TEXT_MAX = 16 };

// As the configuration has it; of chronyd the name of a reference clock, or an address.
static void reference_text(const struct config *config, const struct ntp_state *state,
                           char text[REFERENCE_TEXT_MAX])
{
    const uint32_t id = state->reference_id;
    const char octets[4] = {(char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};

    if (config->time.source != TIME_CHRONYD) {
        snprintf(text, REFERENCE_TEXT_MAX, "%s", config->time.reference_id);
    } else if (state->stratum == 1) {
        snprintf(text, REFERENCE_TEXT_MAX, "%.4s", octets);
        printable(text, strlen(text));
    } else {
        snprintf(text, REFERENCE_TEXT_MAX, "%u.%u.%u.%u", id >> 24, id >> 16 & 0xff, id >> 8 & 0xff,
                 id & 0xff);
    }
}

static json_t *clock_report(const struct status_sources *s)
{
    struct ntp_state_view view = {0};
    view.state.leap = LEAP_UNKNOWN;
    ntp_state_refresh(&s->control->ntp_state, &view);
    struct ntp_state *state = &view.state;
    char reference[REFERENCE_TEXT_MAX];
    reference_text(s->config, state, reference);

    // The dataplane's housekeeping checks control's clock itself.
    bool running = is_up(s->dataplane);
    bool doubted =
        running && atomic_load_explicit(&s->dataplane->clock_doubted, memory_order_relaxed) != 0;

    // Shown as it is served.
    if (doubted)
        state->leap = LEAP_UNKNOWN;
    bool synchronised = state->leap != LEAP_UNKNOWN;
    if (!synchronised)
        state->stratum = 0;

    static const char *const leap[] = {"none", "insert", "delete", "unknown"};
    json_t *o = metrics_report(METRIC_CLOCK, state);
    json_object_set_new(o, "source", json_string(source_word(s->config)));
    json_object_set_new(o, "synchronised", json_boolean(synchronised));
    json_object_set_new(o, "believed", running ? json_boolean(!doubted) : json_null());
    json_object_set_new(o, "leap", json_string(leap[state->leap & 3]));
    json_object_set_new(o, "reference_id", json_string(reference));
    return o;
}

// The clocks that stamp frames, while a dataplane reads them. All XDP programs use the same one.
static json_t *stamp_clocks_report(const struct board_dataplane *board)
{
    json_t *list = json_array();
    struct stamp_line_view view = {0};
    if (!is_up(board) || !stamp_line_refresh(&board->stamps, &view))
        return list;
    const struct stamp_line *line = &view.line;
    json_t *o = metrics_report(METRIC_STAMPS, line);
    const bool exact = line->until != 0 && (int64_t)(line->until - tsc_now()) > 0;
    json_object_set_new(o, "clock", json_string("CLOCK_MONOTONIC"));
    json_object_set_new(o, "exact", json_boolean(exact));
    json_array_append_new(list, o);
    return list;
}

static json_t *ke_report(const struct ke_counters *counters)
{
    struct ke_counters copy;
    ke_counters_read(counters, &copy);
    return metrics_report(METRIC_KE, &copy);
}

static json_t *status_report(const struct status_sources *s)
{
    const struct board_dataplane *board = s->dataplane;
    static struct cores cores; // main thread only; static for its size
    read_cores(board, &cores);

    json_t *dataplane = metrics_report(METRIC_DATAPLANE, board);
    json_object_set_new(dataplane, "serving", json_boolean(is_up(board)));
    json_object_set_new(dataplane, "crypto", board_text(board->crypto));
    json_object_set_new(dataplane, "memory", board_text(board->memory));

    json_t *o = json_object();
    json_object_set_new(o, "version", json_string(NOONMARK_VERSION));
    json_object_set_new(o, "control", metrics_report(METRIC_CONTROL, s->control));
    json_object_set_new(o, "dataplane", dataplane);
    json_object_set_new(o, "ke_process", metrics_report(METRIC_KE_PROCESS, s->ke));
    json_object_set_new(o, "ports", ports_report(board));
    json_object_set_new(o, "clock", clock_report(s));
    json_object_set_new(o, "stamp_clocks", stamp_clocks_report(board));
    json_object_set_new(o, "keys", keys_report(s->keys));
    json_object_set_new(o, "ke", ke_report(&s->ke->counters));
    json_object_set_new(o, "counters", metrics_report(METRIC_CORES, &cores.sum));
    json_object_set_new(o, "departure_error", departures_report(&cores.sum));
    json_object_set_new(o, "cores", cores_report(board, &cores));
    return o;
}

char *status_answer(const struct status_sources *sources, const char *request)
{
    json_t *answer = NULL;
    if (strcmp(request, "status") == 0)
        answer = status_report(sources);
    else
        answer = json_pack("{s:s}", "error", "unknown request; this version knows: status, reload");
    return json_line(answer);
}
