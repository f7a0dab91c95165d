// The status object. Its names are stable and documented in noonmarkctl(1): extend, do not rename.

#include "control/show/status_report.h"

#include "base/now.h"
#include "base/printable.h"
#include "board/ke_counters.h"
#include "control/keys/keys.h"

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

// Milliseconds since a heartbeat, null before the first one.
static json_t *age_ms(uint64_t heartbeat_ns)
{
    uint64_t now = now_ns();
    if (heartbeat_ns == 0)
        return json_null();
    return json_integer(now > heartbeat_ns ? (json_int_t)((now - heartbeat_ns) / 1000000) : 0);
}

static json_t *process_report(const _Atomic uint64_t *heartbeat, const _Atomic uint64_t *starts)
{
    json_t *o = json_object();
    json_object_set_new(o, "heartbeat_age_ms", age_ms(read_word(heartbeat)));
    set_int(o, "starts", read_word(starts));
    return o;
}

// Adds one core's counters to the totals. Outcomes are read before frames_received, so that a burst
// counted in between cannot make the outcomes exceed the frames.
static void add_core(struct core_counters *sum, const struct core_counters *core)
{
    for (size_t i = 0; i < OUTCOMES; i++)
        counter_add(&sum->outcome[i], read_word(&core->outcome[i]));
    counter_add(&sum->frames_received, read_word(&core->frames_received));
    counter_add(&sum->octets_received, read_word(&core->octets_received));
    counter_add(&sum->octets_sent, read_word(&core->octets_sent));
    counter_add(&sum->cookies_sealed, read_word(&core->cookies_sealed));
    counter_add(&sum->slow_path, read_word(&core->slow_path));
    counter_add(&sum->busy_cycles, read_word(&core->busy_cycles));
    counter_add(&sum->stamps_refused, read_word(&core->stamps_refused));
    counter_add(&sum->composed_again, read_word(&core->composed_again));
    counter_add(&sum->records_refused, read_word(&core->records_refused));
    for (size_t i = 0; i < DEPARTURE_BINS; i++)
        counter_add(&sum->departure_error[i], read_word(&core->departure_error[i]));
}

static json_t *counters_report(const struct core_counters *core)
{
    json_t *o = json_object();
    set_int(o, "frames_received", read_word(&core->frames_received));
    for (size_t i = 0; i < OUTCOMES; i++)
        set_int(o, outcome_text[i].name, read_word(&core->outcome[i]));
    set_int(o, "octets_received", read_word(&core->octets_received));
    set_int(o, "octets_sent", read_word(&core->octets_sent));
    set_int(o, "cookies_sealed", read_word(&core->cookies_sealed));
    set_int(o, "slow_path", read_word(&core->slow_path));
    set_int(o, "busy_cycles", read_word(&core->busy_cycles));
    set_int(o, "stamps_refused", read_word(&core->stamps_refused));
    set_int(o, "composed_again", read_word(&core->composed_again));
    set_int(o, "records_refused", read_word(&core->records_refused));
    return o;
}

static uint32_t bounded(const _Atomic uint32_t *n, uint32_t max)
{
    uint32_t v = atomic_load_explicit(n, memory_order_relaxed);
    return v < max ? v : max;
}

static json_t *cores_report(const struct board_dataplane *board)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < bounded(&board->n_cores, CORES_MAX); i++) {
        json_t *o = counters_report(&board->core[i]);
        set_int(o, "cpu", board->core_id[i]);
        set_int(o, "turns", read_word(&board->core[i].heartbeat));
        set_int(o, "departure_ns", read_word(&board->core[i].departure_ns));
        json_array_append_new(list, o);
    }
    return list;
}

// Text that another process wrote: bounded whether or not it ends in a NUL, and UTF-8 whatever it
// was, or the whole answer could not be written.
static json_t *board_text(const char text[BOARD_NAME_LEN])
{
    char copy[BOARD_NAME_LEN];
    memcpy(copy, text, sizeof copy);
    const size_t len = strnlen(copy, sizeof copy);
    printable(copy, len);
    return json_stringn(copy, len);
}

static json_t *ports_report(const struct board_dataplane *board)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < bounded(&board->n_ports, PORTS_MAX); i++) {
        const struct board_port *p = &board->port[i];
        char mac[18];
        snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1], p->mac[2],
                 p->mac[3], p->mac[4], p->mac[5]);
        json_t *o = json_object();
        json_object_set_new(o, "name", board_text(p->name));
        json_object_set_new(o, "driver", board_text(p->driver));
        json_object_set_new(o, "mode", board_text(p->mode));
        json_object_set_new(
            o, "link_up",
            json_boolean(atomic_load_explicit(&p->link_up, memory_order_relaxed) != 0));
        set_int(o, "queues", p->queues);
        json_object_set_new(o, "mac", json_string(mac));
        set_int(o, "rx_missed", read_word(&p->rx_missed));
        json_object_set_new(o, "stamps", board_text(p->stamps));
        set_int(o, "stamped", read_word(&p->stamped));
        set_int(o, "unstamped", read_word(&p->unstamped));
        json_array_append_new(list, o);
    }
    return list;
}

// A histogram: each bin's greatest error in ns, null for the last one, and how many there were.
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
        json_t *o = json_object();
        json_object_set_new(o, "id", json_string(id));
        json_object_set_new(o, "role", json_string(line[i].role));
        set_int(o, "age_s", line[i].age_s);
        json_array_append_new(list, o);
    }
    return list;
}

// NTP short format (2^-16 s) in seconds.
static double short_seconds(uint32_t v)
{
    return v / 65536.0;
}

static json_t *clock_report(const struct status_sources *s)
{
    struct ntp_state_view view = {0};
    view.state.leap = LEAP_UNKNOWN;
    ntp_state_refresh(&s->control->ntp_state, &view);
    const struct ntp_state *state = &view.state;

    // Housekeeping of the dataplane does not take our word for it.
    bool running = read_word(&s->dataplane->version) != 0;
    bool doubted =
        running && atomic_load_explicit(&s->dataplane->clock_doubted, memory_order_relaxed) != 0;

    static const char *const leap[] = {"none", "insert", "delete", "unknown"};
    bool synchronised = state->leap != LEAP_UNKNOWN && !doubted;
    json_t *o = json_object();
    json_object_set_new(o, "source",
                        json_string(s->config->time.source == TIME_FIXED ? "fixed" : "system"));
    json_object_set_new(o, "serving", json_boolean(state->serving != 0));
    json_object_set_new(o, "synchronised", json_boolean(synchronised));
    json_object_set_new(o, "believed", running ? json_boolean(!doubted) : json_null());
    json_object_set_new(o, "leap", json_string(leap[doubted ? LEAP_UNKNOWN : state->leap & 3]));
    set_int(o, "stratum", synchronised ? state->stratum : 0);
    json_object_set_new(o, "reference_id", json_string(s->config->time.reference_id));
    json_object_set_new(o, "precision", json_integer(state->precision));
    json_object_set_new(o, "root_delay_s", json_real(short_seconds(state->root_delay)));
    json_object_set_new(o, "root_dispersion_s", json_real(short_seconds(state->root_dispersion)));
    set_int(o, "error_ns", state->error_ns);
    set_int(o, "steps", state->steps);
    return o;
}

static json_t *ke_report(const struct ke_counters *counters)
{
    json_t *o = json_object();
    for (int i = 0; i < KE_COUNTER_COUNT; i++)
        set_int(o, ke_counter_text[i].name, ke_counted(counters, (enum ke_counter)i));
    set_int(o, "open", atomic_load_explicit(&counters->open, memory_order_relaxed));
    return o;
}

static json_t *status_report(const struct status_sources *s)
{
    const struct board_dataplane *board = s->dataplane;
    static struct core_counters sum; // main thread only; static for its size
    memset(&sum, 0, sizeof sum);
    for (uint32_t i = 0; i < bounded(&board->n_cores, CORES_MAX); i++)
        add_core(&sum, &board->core[i]);

    json_t *dataplane = process_report(&board->heartbeat, &board->starts);
    json_object_set_new(dataplane, "serving", json_boolean(read_word(&board->version) != 0));
    json_object_set_new(dataplane, "crypto", board_text(board->crypto));
    json_object_set_new(dataplane, "memory", board_text(board->memory));

    json_t *o = json_object();
    json_object_set_new(o, "version", json_string(NOONMARK_VERSION));
    json_object_set_new(o, "control", process_report(&s->control->heartbeat, &s->control->starts));
    json_object_set_new(o, "dataplane", dataplane);
    json_object_set_new(o, "ke_process", process_report(&s->ke->heartbeat, &s->ke->starts));
    json_object_set_new(o, "ports", ports_report(board));
    json_object_set_new(o, "clock", clock_report(s));
    json_object_set_new(o, "keys", keys_report(s->keys));
    json_object_set_new(o, "ke", ke_report(&s->ke->counters));
    json_object_set_new(o, "counters", counters_report(&sum));
    json_object_set_new(o, "departure_error", departures_report(&sum));
    json_object_set_new(o, "cores", cores_report(board));
    return o;
}

char *status_answer(const struct status_sources *sources, const char *request)
{
    json_t *answer = NULL;
    if (strcmp(request, "status") == 0)
        answer = status_report(sources);
    else
        answer = json_pack("{s:s}", "error", "unknown request; this version knows: status");
    char *text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(answer);
    if (text == NULL)
        return NULL;
    size_t len = strlen(text);
    char *line = realloc(text, len + 2); // jansson allocates by malloc unless told otherwise
    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + len, "\n", 2);
    return line;
}
