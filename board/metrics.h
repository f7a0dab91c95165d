// All counters and measurements of this server, as one table: the status object, noonmarkctl, the
// manual and the metrics use it. A row has a number's name, its meaning, and its place in a struct
// of the board.
//
// The names follow OpenMetrics: a family has one name, help, type and unit, and rows of one family
// differ in a label. A counter's name has no "_total", which the exposition adds. Labels that tell
// one struct from another (which process, port, core or key) are not in the table: the code that
// walks the structs adds them.
//
// Constant; any thread. Does not name the structs as types, so that noonmarkctl can read it too.
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
    const char *unit; // "" for a number without a unit
};

// The struct in which a row's `at` is an offset, and its name in the status object.
enum metric_place {
    METRIC_CONTROL,     // struct board_control: control
    METRIC_KE_PROCESS,  // struct board_ke: ke_process
    METRIC_DATAPLANE,   // struct board_dataplane: dataplane
    METRIC_CLOCK,       // struct ntp_state as it is served: clock
    METRIC_STAMPS,      // struct stamp_line: an element of stamp_clocks
    METRIC_PORT,        // struct board_port: an element of ports
    METRIC_KEY,         // struct metric_key: an element of keys
    METRIC_FLEET,       // struct fact_fleet: the keys' fleet
    METRIC_CORES,       // struct core_counters: an element of cores, and their sum: counters
    METRIC_CORE,        // struct core_counters: an element of cores; a sum would have no meaning
    METRIC_KE,          // struct ke_counters: ke
    METRIC_KE_SESSIONS, // struct ke_counters: sessions, in the answer to noonmarkctl ke
    METRIC_CERTIFICATE, // struct board_certificate: an element of certificates
    METRIC_FACTS,       // struct control_facts: clock
    METRIC_EXPORTER,    // struct board_metrics: metrics_process
    METRIC_ETCD,        // struct board_etcd: etcd_process
    METRIC_PLACES,
};

// The number's form in its struct. JSON shows it in that form; metrics use the unit of the family.
enum metric_form {
    METRIC_U64,
    METRIC_U32,
    METRIC_U8,
    METRIC_FLAG32, // 0 or 1
    METRIC_FLAG8,
    METRIC_NS,       // uint64_t, ns
    METRIC_NS32,     // uint32_t, ns
    METRIC_NS_KNOWN, // int64_t, ns; METRIC_UNKNOWN: not known, which JSON shows as null
    METRIC_PPB32,    // uint32_t, 10^-9
    METRIC_LOG2,     // int8_t, log2 of seconds
    METRIC_UNIX,     // int64_t, s since 1970
    METRIC_SHORT,    // uint32_t, 2^-16 s; JSON shows it in seconds
    METRIC_BEAT,     // uint64_t, monotonic ns of a heartbeat; JSON shows its age in ms
    METRIC_TIMES,    // struct ke_durations; JSON shows it separately
    METRIC_DEPARTS, // the bins of struct core_counters' departure_error; JSON shows them separately
};

#define METRIC_UNKNOWN INT64_MIN // of METRIC_NS_KNOWN

struct metric {
    const struct metric_family *family;
    const char *label; // the label's name, or NULL
    const char *value; // of the label
    const char *json;  // key in the status object, stable; NULL: it has no key of its own there
    const char *help;  // one sentence
    enum metric_place place;
    enum metric_form form;
    uint16_t at;
};

// Rows of one place are together, in the order in which people read them.
extern const struct metric metrics[];
extern const size_t metrics_n;

// The numbers of a cookie key.
struct metric_key {
    uint64_t age_s;
    uint64_t opened;
    uint64_t sealed;
};

// The row with that place and JSON key, or NULL.
const struct metric *metric_named(enum metric_place place, const char *json);

// The number in its struct, read relaxed; of METRIC_BEAT the age in ms, or -1 before the first
// heartbeat; of METRIC_TIMES and METRIC_DEPARTS 0, because they have many numbers.
int64_t metric_read(const struct metric *metric, const void *place);
