// The table of metrics: every field of the board that counts is in it, once; its names are what
// OpenMetrics takes; noonmarkctl(1) lists every row.
//
//   metrics_test noonmarkctl.1     the manual's source
#include "board/board.h"
#include "board/metrics.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *manual;

static size_t width(enum metric_form form)
{
    switch (form) {
    case METRIC_U64:
    case METRIC_NS:
    case METRIC_NS_KNOWN:
    case METRIC_UNIX:
    case METRIC_BEAT:
        return 8;
    case METRIC_U32:
    case METRIC_FLAG32:
    case METRIC_NS32:
    case METRIC_PPB32:
    case METRIC_SHORT:
        return 4;
    case METRIC_U8:
    case METRIC_LOG2:
    case METRIC_FLAG8:
        return 1;
    case METRIC_TIMES:
        return sizeof(struct ke_durations);
    case METRIC_DEPARTS:
        return sizeof((struct core_counters *)0)->departure_error;
    }
    return 0;
}

// A field that is no metric.
struct other {
    size_t at, len;
};
// The versions of clang-format break this line in different ways.
// clang-format off
#define OTHER(type, member)                                                                        \
    {                                                                                              \
        offsetof(struct type, member), sizeof((struct type *)0)->member                            \
    }
// clang-format on

// Marks n octets from at on; each may be marked once.
static void mark(uint8_t *seen, size_t size, size_t at, size_t n, const char *what)
{
    for (size_t i = at; i < at + n; i++) {
        if (i >= size || seen[i])
            fail_msg("%s: octet %zu of its struct is in two rows, or outside", what, i);
        seen[i] = 1;
    }
}

// Every octet of a struct of that size is in a row of one of two places, or in one of the others.
static void covers(size_t size, enum metric_place place, enum metric_place beside,
                   const struct other *others, size_t n_others)
{
    static uint8_t seen[8192];
    assert_true(size <= sizeof seen);
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < metrics_n; i++)
        if (metrics[i].place == place || metrics[i].place == beside)
            mark(seen, size, metrics[i].at, width(metrics[i].form), metrics[i].family->name);
    for (size_t i = 0; i < n_others; i++)
        mark(seen, size, others[i].at, others[i].len, "other");
    for (size_t i = 0; i < size; i++)
        if (!seen[i])
            fail_msg("place %d: octet %zu of its struct is in no row of board/metrics_table.c",
                     (int)place, i);
}

// What remains behind the last member, up to the struct's alignment.
// The versions of clang-format break this line in different ways.
// clang-format off
#define TAIL(type, member)                                                                         \
    {                                                                                              \
        offsetof(struct type, member) + sizeof((struct type *)0)->member,                          \
            sizeof(struct type) - offsetof(struct type, member) - sizeof((struct type *)0)->member \
    }
// clang-format on
#define N(array) (sizeof(array) / sizeof(array)[0])

// P8: a field that is added to a struct of the board is shown, or named here.
static void every_field_is_in_one_row(void **state)
{
    (void)state;
    const struct other core[] = {OTHER(core_counters, overload_rung),
                                 OTHER(core_counters, overload_tsc),
                                 TAIL(core_counters, departures_hardware)};
    covers(sizeof(struct core_counters), METRIC_CORES, METRIC_CORE, core, N(core));

    const struct other ke[] = {TAIL(ke_counters, kept)};
    covers(sizeof(struct ke_counters), METRIC_KE, METRIC_KE_SESSIONS, ke, N(ke));

    const struct other port[] = {
        OTHER(board_port, name),        OTHER(board_port, driver),    OTHER(board_port, mode),
        OTHER(board_port, stamps),      OTHER(board_port, mac),       OTHER(board_port, spare),
        OTHER(board_port, state),       OTHER(board_port, program),   OTHER(board_port, departures),
        OTHER(board_port, clock),       OTHER(board_port, own_clock), OTHER(board_port, addresses),
        OTHER(board_port, by_metadata), OTHER(board_port, launch),    TAIL(board_port, invalid),
    };
    covers(sizeof(struct board_port), METRIC_PORT, METRIC_PORT, port, N(port));

    const struct other clock[] = {
        OTHER(ntp_state, line),           OTHER(ntp_state, written_tsc),
        OTHER(ntp_state, reference_time), OTHER(ntp_state, reference_id),
        OTHER(ntp_state, void_after),     OTHER(ntp_state, jump_tsc),
        OTHER(ntp_state, generation),     OTHER(ntp_state, spare),
        OTHER(ntp_state, smear_state),    OTHER(ntp_state, smear_of),
        OTHER(ntp_state, smear_leap),     OTHER(ntp_state, smear),
        OTHER(ntp_state, smear_rate),
    };
    covers(sizeof(struct ntp_state), METRIC_CLOCK, METRIC_CLOCK, clock, N(clock));

    const struct other stamps[] = {
        OTHER(stamp_line, stamp_base), OTHER(stamp_line, tsc_base), OTHER(stamp_line, rate),
        OTHER(stamp_line, until),      OTHER(stamp_line, spare),
    };
    covers(sizeof(struct stamp_line), METRIC_STAMPS, METRIC_STAMPS, stamps, N(stamps));

    covers(sizeof(struct metric_key), METRIC_KEY, METRIC_KEY, NULL, 0);

    const struct other facts[] = {
        OTHER(control_facts, spare),     OTHER(control_facts, source),
        OTHER(control_facts, reference), OTHER(control_facts, spare_too),
        OTHER(control_facts, key),       OTHER(control_facts, fleet),
    };
    covers(sizeof(struct control_facts), METRIC_FACTS, METRIC_FACTS, facts, N(facts));

    const struct other fleet[] = {OTHER(fact_fleet, fingerprint), OTHER(fact_fleet, no_mover),
                                  OTHER(fact_fleet, spare)};
    covers(sizeof(struct fact_fleet), METRIC_FLEET, METRIC_FLEET, fleet, N(fleet));

    const struct other certificate[] = {OTHER(board_certificate, chain),
                                        OTHER(board_certificate, subject),
                                        OTHER(board_certificate, key)};
    covers(sizeof(struct board_certificate), METRIC_CERTIFICATE, METRIC_CERTIFICATE, certificate,
           N(certificate));

    const struct other etcd[] = {OTHER(board_etcd, version)};
    covers(sizeof(struct board_etcd), METRIC_ETCD, METRIC_ETCD, etcd, N(etcd));

    const struct other exporter[] = {OTHER(board_metrics, version)};
    covers(sizeof(struct board_metrics), METRIC_EXPORTER, METRIC_EXPORTER, exporter, N(exporter));
}

// Of each process the heartbeat and the starts; what else is on its side is a record, a name, or
// shown elsewhere.
static void every_process_is_there(void **state)
{
    (void)state;
    static const struct {
        enum metric_place place;
        size_t heartbeat, starts;
    } process[] = {
        {METRIC_CONTROL, offsetof(struct board_control, heartbeat),
         offsetof(struct board_control, starts)},
        {METRIC_KE_PROCESS, offsetof(struct board_ke, heartbeat),
         offsetof(struct board_ke, starts)},
        {METRIC_DATAPLANE, offsetof(struct board_dataplane, heartbeat),
         offsetof(struct board_dataplane, starts)},
        {METRIC_ETCD, offsetof(struct board_etcd, heartbeat), offsetof(struct board_etcd, starts)},
        {METRIC_EXPORTER, offsetof(struct board_metrics, heartbeat),
         offsetof(struct board_metrics, starts)},
    };
    for (size_t i = 0; i < N(process); i++) {
        const struct metric *beat = metric_named(process[i].place, "heartbeat_age_ms");
        const struct metric *starts = metric_named(process[i].place, "starts");
        assert_non_null(beat);
        assert_non_null(starts);
        assert_int_equal(beat->at, process[i].heartbeat);
        assert_int_equal(starts->at, process[i].starts);
    }
}

static bool is_sentence(const char *text)
{
    size_t len = strlen(text);
    return len > 10 && isupper((unsigned char)text[0]) && text[len - 1] == '.' &&
           strchr(text, '\n') == NULL && strpbrk(text, "\\\"") == NULL;
}

static bool is_name(const char *text)
{
    if (!islower((unsigned char)text[0]))
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
            return false;
    return strstr(text, "__") == NULL && text[strlen(text) - 1] != '_';
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

// OpenMetrics 1.0: names of [a-z0-9_], a unit is the name's suffix, and what the exposition adds is
// not in the name.
static void families_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric_family *f = metrics[i].family;
        char suffix[32];
        snprintf(suffix, sizeof suffix, "_%s", f->unit);
        if (!is_name(f->name) || strncmp(f->name, "noonmark_", 9) != 0)
            fail_msg("%s: not a name", f->name);
        if (!is_sentence(f->help))
            fail_msg("%s: its help is no sentence: %s", f->name, f->help);
        if (*f->unit != '\0' && !ends_with(f->name, suffix))
            fail_msg("%s: does not end in its unit, %s", f->name, f->unit);
        static const char *const reserved[] = {"_total", "_created", "_bucket",
                                               "_count", "_sum",     "_info"};
        for (size_t j = 0; j < N(reserved); j++)
            if (ends_with(f->name, reserved[j]))
                fail_msg("%s: its end is reserved", f->name);
        bool in_seconds = metrics[i].form == METRIC_NS || metrics[i].form == METRIC_NS32 ||
                          metrics[i].form == METRIC_NS_KNOWN || metrics[i].form == METRIC_UNIX ||
                          metrics[i].form == METRIC_LOG2 || metrics[i].form == METRIC_SHORT ||
                          metrics[i].form == METRIC_BEAT || metrics[i].form == METRIC_DEPARTS ||
                          metrics[i].form == METRIC_TIMES;
        if (in_seconds && strcmp(f->unit, "seconds") != 0)
            fail_msg("%s: its form is one of seconds", f->name);
        if ((metrics[i].form == METRIC_DEPARTS || metrics[i].form == METRIC_TIMES) !=
            (f->type == METRIC_HISTOGRAM))
            fail_msg("%s: only bins are a histogram", f->name);
    }
}

// No two rows of a family in one struct have the same label and value.
static void rows_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *a = &metrics[i];
        assert_true((a->label == NULL) == (a->value == NULL));
        if (!is_sentence(a->help) || (a->json != NULL && !is_name(a->json)))
            fail_msg("%s: help or JSON key: %s", a->family->name, a->help);
        if (a->label != NULL && (!is_name(a->label) || !is_name(a->value)))
            fail_msg("%s: label %s", a->family->name, a->label);
        for (size_t j = 0; j < i; j++) {
            const struct metric *b = &metrics[j];
            if (a->family != b->family && strcmp(a->family->name, b->family->name) == 0)
                fail_msg("%s: is the name of two families", a->family->name);
            if (a->place == b->place && a->json != NULL && b->json != NULL &&
                strcmp(a->json, b->json) == 0)
                fail_msg("%s: is the JSON key of two rows", a->json);
            if (a->family != b->family || a->place != b->place)
                continue;
            if (a->label == NULL || b->label == NULL || strcmp(a->label, b->label) != 0 ||
                strcmp(a->value, b->value) == 0)
                fail_msg("%s: two rows that a label does not tell apart", a->family->name);
        }
    }
}

// The rows of a place and of a family stand together.
static void rows_stand_together(void **state)
{
    (void)state;
    for (size_t i = 2; i < metrics_n; i++) {
        for (size_t j = 0; j + 1 < i; j++) {
            if (metrics[j].place == metrics[i].place && metrics[i - 1].place != metrics[i].place)
                fail_msg("%s: stands apart from its place", metrics[i].family->name);
            if (metrics[j].family == metrics[i].family && metrics[j].place == metrics[i].place &&
                metrics[i - 1].family != metrics[i].family)
                fail_msg("%s: stands apart from its family", metrics[i].family->name);
        }
    }
}

static void numbers_are_read_as_they_lie(void **state)
{
    (void)state;
    const struct ntp_state clock = {
        .serving = 1,
        .precision = -24,
        .stratum = 3,
        .root_delay = 70000,
        .steps = 5,
    };
    static struct board_port port;
    static struct board_ke process;
    atomic_store(&port.rx_missed, UINT64_C(1) << 40);
    assert_int_equal(metric_read(metric_named(METRIC_CLOCK, "serving"), &clock), 1);
    assert_int_equal(metric_read(metric_named(METRIC_CLOCK, "precision"), &clock), -24);
    assert_int_equal(metric_read(metric_named(METRIC_CLOCK, "stratum"), &clock), 3);
    assert_int_equal(metric_read(metric_named(METRIC_CLOCK, "root_delay_s"), &clock), 70000);
    assert_int_equal(metric_read(metric_named(METRIC_CLOCK, "steps"), &clock), 5);
    assert_int_equal(metric_read(metric_named(METRIC_PORT, "rx_missed"), &port), INT64_C(1) << 40);
    const struct metric *beat = metric_named(METRIC_KE_PROCESS, "heartbeat_age_ms");
    assert_int_equal(metric_read(beat, &process), -1);
    atomic_store(&process.heartbeat, 1); // soon after the boot
    assert_true(metric_read(beat, &process) > 0);
    assert_null(metric_named(METRIC_KE, "frames_received"));
}

// The manual has the table's text for each row.
static void the_manual_lists_every_row(void **state)
{
    (void)state;
    unsigned missing = 0;
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *m = &metrics[i];
        char entry[320];
        if (m->json == NULL)
            continue;
        snprintf(entry, sizeof entry, ".TP\n.B %s\n%s\n", m->json, m->help);
        if (strstr(manual, entry) != NULL)
            continue;
        missing++;
        print_message("# man/noonmarkctl.1 lacks:\n# .TP\n# .B %s\n# %s\n", m->json, m->help);
    }
    assert_int_equal(missing, 0);
}

static char *read_all(const char *path)
{
    enum { MANUAL_MAX = 1 << 20 };
    FILE *file = fopen(path, "r");
    char *text = calloc(1, MANUAL_MAX + 1);
    if (file == NULL || text == NULL || fread(text, 1, MANUAL_MAX, file) == 0) {
        fprintf(stderr, "metrics_test: cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: metrics_test noonmarkctl.1\n", stderr);
        return EXIT_FAILURE;
    }
    manual = read_all(argv[1]);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_in_one_row),
        cmocka_unit_test(every_process_is_there),
        cmocka_unit_test(families_are_well_formed),
        cmocka_unit_test(rows_are_unique),
        cmocka_unit_test(rows_stand_together),
        cmocka_unit_test(numbers_are_read_as_they_lie),
        cmocka_unit_test(the_manual_lists_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
