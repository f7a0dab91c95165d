// Everything that this server counts or measures, as one table: the status object, noonmarkctl, the
// manual and metrics read it. A row says what a number is called, what it means, and where it lies
// in which struct of the board.
//
// The names are OpenMetrics': a family has one name, help, type and unit, and rows of one family
// differ in a label. A counter's name has no "_total", which the exposition adds. Labels that tell
// one struct from another (which process, port, core or key) are not in the table: whoever walks
// the structs knows them.
//
// Constant; any thread. Knows no struct by name, so that noonmarkctl can read it too.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum metric_type {
    METRIC_COUNTER, // only rises while its process lives
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
};

struct metric_family {
    const char *name; // unique; ends in _UNIT when there is a unit
    const char *help; // one sentence
    enum metric_type type;
    const char *unit; // "" for a mere number
};

// The struct that a row's `at` is an offset in, and what the status object calls it.
enum metric_place {
    METRIC_CONTROL,    // struct board_control: control
    METRIC_KE_PROCESS, // struct board_ke: ke_process
    METRIC_DATAPLANE,  // struct board_dataplane: dataplane
    METRIC_CLOCK,      // struct ntp_state as it is served: clock
    METRIC_PORT,       // struct board_port: an element of ports
    METRIC_KEY,        // struct metric_key: an element of keys
    METRIC_CORES,      // struct core_counters: an element of cores, and their sum: counters
    METRIC_CORE,       // struct core_counters: an element of cores; no sum of it means anything
    METRIC_KE,         // struct ke_counters: ke
    METRIC_PLACES,
};

// How the number lies there. JSON shows it as it lies; metrics in the unit of the family.
enum metric_form {
    METRIC_U64,
    METRIC_U32,
    METRIC_U8,
    METRIC_I8,
    METRIC_FLAG32, // 0 or 1
    METRIC_FLAG8,
    METRIC_NS,      // uint64_t, ns
    METRIC_NS32,    // uint32_t, ns
    METRIC_SHORT,   // uint32_t, 2^-16 s; JSON shows it in seconds
    METRIC_BEAT,    // uint64_t, monotonic ns of a heartbeat; JSON shows its age in ms
    METRIC_DEPARTS, // the bins of struct core_counters' departure_error; JSON shows them aside
};

struct metric {
    const struct metric_family *family;
    const char *label; // its name, or NULL
    const char *value; // of the label
    const char *json;  // key in the status object, stable; NULL: not there under a name of its own
    const char *help;  // one sentence
    enum metric_place place;
    enum metric_form form;
    uint16_t at;
};

// Rows of one place stand together, in the order in which people read them.
extern const struct metric metrics[];
extern const size_t metrics_n;

// What of a cookie key is a number.
struct metric_key {
    uint64_t age_s;
};

// The row of that place and JSON key, or NULL.
const struct metric *metric_named(enum metric_place place, const char *json);

// The number as it lies in its struct, relaxed; of METRIC_BEAT -1 before the first one, and of
// METRIC_DEPARTS 0, for it is many numbers.
int64_t metric_read(const struct metric *metric, const void *place);
