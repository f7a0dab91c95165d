// The text of the metrics: what OpenMetrics and Prometheus's older format demand of it, the numbers
// of the board in it, and that the manual names the same metrics.
//
//   exposition_test noonmark-metrics.7     the manual's source
#include "base/now.h"
#include "board/metrics.h"
#include "metrics/exposition.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *manual;
static struct board_facts facts;
static struct board_dataplane dataplane;
static struct board_ke ke;
static struct board_metrics exporter;
static struct board_etcd etcd = {.starts = 1};
static const struct exposition_sources sources = {.facts = &facts,
                                                  .dataplane = &dataplane,
                                                  .ke = &ke,
                                                  .metrics = &exporter,
                                                  .etcd = &etcd,
                                                  .started_s = 1700000000};

static const struct control_facts good_facts = {
    .error_bound_ns = 12345678901,
    .source_offset_ns = -7,
    .source_age_ns = FACT_UNKNOWN,
    .healthy = 1,
    .source = "chronyd",
    .reference = "GPS",
    .n_keys = 2,
    .key = {{.id = 0xabc, .role = FACT_KEY_CURRENT, .age_s = 100},
            {.id = 7, .role = FACT_KEY_FUTURE, .age_s = 1}},
    .fleet = {.fingerprint = "9c1f0a3b",
              .serial = 12,
              .ends_s = 1900000000,
              .n_refused = 3,
              .frozen = 1},
};

static const struct ntp_state good_clock = {
    .tsc_hz = 2000000000,
    .leap = LEAP_NONE,
    .stratum = 2,
    .precision = -2,
    .root_delay = 32768,
    .growth_ppb = 35,
};

static int fill(void **state)
{
    (void)state;
    const struct board_certificate certificate = {.expires_s = 1800000000,
                                                  .chain = "/a\"b\\c\xff.pem"};
    atomic_store(&facts.starts, 3);
    snapshot_publish(&facts.facts, &good_facts, sizeof good_facts);
    ntp_state_publish(&facts.ntp_state, &good_clock);
    atomic_store(&dataplane.version, BOARD_VERSION);
    atomic_store(&dataplane.n_cores, 2);
    atomic_store(&dataplane.n_ports, 1);
    dataplane.core_id[1] = 9;
    strcpy(dataplane.crypto, "vaes512");
    strcpy(dataplane.port[0].name, "eth0");
    for (unsigned c = 0; c < 2; c++) {
        _Atomic uint64_t *word = (_Atomic uint64_t *)&dataplane.core[c];
        for (unsigned i = 0; i < sizeof dataplane.core[c] / sizeof *word; i++)
            atomic_store(&word[i], (c + 1) * 1000 + i);
    }
    atomic_store(&ke.n_certificates, 1);
    snapshot_publish(&ke.certificate[0], &certificate, sizeof certificate);
    atomic_store(&ke.counters.n[KE_COMPLETED], 44);
    atomic_store(&ke.counters.group[KE_P256], 45);
    atomic_store(&ke.counters.cpu_ns, 1500000000);
    atomic_store(&ke.counters.handshake.bin[0], 5);
    atomic_store(&ke.counters.handshake.bin[10], 6);
    atomic_store(&ke.counters.handshake.bin[KE_TIME_BINS - 1], 7);
    atomic_store(&ke.counters.handshake.sum_ns, 90250000000);
    return 0;
}

static char *text_of(enum exposition_format format)
{
    static char *text;
    size_t len;
    free(text);
    FILE *out = open_memstream(&text, &len);
    exposition_write(&sources, format, out);
    fclose(out);
    assert_int_equal(strlen(text), len);
    return text;
}

static void expect(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(text, whole) == NULL)
        fail_msg("the metrics lack: %s", line);
}

static void numbers_are_the_boards(void **state)
{
    (void)state;
    const char *text = text_of(EXPOSITION_OPENMETRICS);
    expect(text, "# TYPE noonmark_process_starts counter");
    expect(text, "noonmark_process_starts_total{process=\"control\"} 3");
    expect(text, "# UNIT noonmark_clock_error_bound_seconds seconds");
    expect(text, "noonmark_clock_error_bound_seconds 12.345678901"); // every nanosecond
    expect(text, "noonmark_clock_source_offset_seconds -0.000000007");
    assert_null(strstr(text, "\nnoonmark_clock_source_age_seconds ")); // not known
    expect(text, "noonmark_clock_precision_seconds 0.25");
    expect(text, "noonmark_clock_root_delay_seconds 0.5");
    expect(text, "noonmark_clock_bound_growth_ratio 0.000000035");
    expect(text, "noonmark_clock_synchronised 1");
    expect(text, "noonmark_clock_unhealthy{reason=\"stale\"} 0");
    expect(text, "noonmark_clock_source_info{source=\"chronyd\",reference=\"GPS\"} 1");
    expect(text, "noonmark_key_age_seconds{id=\"00000abc\",role=\"current\"} 100");
    expect(text, "noonmark_key_age_seconds{id=\"00000007\",role=\"future\"} 1");
    expect(text, "noonmark_keys 2");
    expect(text, "noonmark_fleet_info{fingerprint=\"9c1f0a3b\"} 1");
    expect(text, "noonmark_fleet_serial 12");
    expect(text, "noonmark_fleet_end_timestamp_seconds 1900000000");
    expect(text, "noonmark_fleet_frozen 1");
    expect(text, "noonmark_fleet_document_refused 0");
    expect(text, "noonmark_fleet_refusals_total 3");
    expect(text, "noonmark_certificate_expiry_timestamp_seconds{chain=\"/a\\\"b\\\\c .pem\"} "
                 "1800000000");
    expect(text, "noonmark_ke_ended_total{how=\"completed\"} 44");
    expect(text, "process_start_time_seconds 1700000000");
    char line[256];
    snprintf(line, sizeof line,
             "noonmark_ntp_dropped_total{core=\"1\",cpu=\"9\",reason=\"runt\"} %zu",
             2000 + offsetof(struct core_counters, outcome[DROPPED_RUNT]) / sizeof(uint64_t));
    expect(text, line);
    // No heartbeat yet, and no dataplane that doubts the clock.
    assert_null(strstr(text, "noonmark_process_heartbeat_age_seconds{"));
}

// A reload has ended it, and what it wrote last would raise an alert for ever.
static void a_mover_that_is_not_wanted_any_more_is_not_shown(void **state)
{
    (void)state;
    struct control_facts facts_now = good_facts;
    assert_non_null(strstr(text_of(EXPOSITION_OPENMETRICS), "\nnoonmark_etcd_current"));
    facts_now.fleet.no_mover = 1;
    snapshot_publish(&facts.facts, &facts_now, sizeof facts_now);
    assert_null(strstr(text_of(EXPOSITION_OPENMETRICS), "\nnoonmark_etcd_current"));
    assert_null(strstr(text_of(EXPOSITION_OPENMETRICS), "process=\"etcd\""));
    snapshot_publish(&facts.facts, &good_facts, sizeof good_facts);
}

// Buckets sum up; with thresholds below 0 there is neither sum nor count.
static void departures_are_a_histogram(void **state)
{
    (void)state;
    const char *text = text_of(EXPOSITION_OPENMETRICS);
    const uint64_t first = offsetof(struct core_counters, departure_error) / sizeof(uint64_t);
    uint64_t all = 0;
    for (unsigned i = 0; i < DEPARTURE_BINS; i++)
        all += 1000 + first + i;
    char line[256];
    snprintf(line, sizeof line,
             "noonmark_ntp_departure_error_seconds_bucket{core=\"0\",cpu=\"0\",le=\"-0.001\"} %zu",
             (size_t)(1000 + first));
    expect(text, line);
    snprintf(line, sizeof line,
             "noonmark_ntp_departure_error_seconds_bucket{core=\"0\",cpu=\"0\",le=\"+Inf\"} %zu",
             (size_t)all);
    expect(text, line);
    assert_non_null(strstr(text, "le=\"0.0\""));
    assert_null(strstr(text, "noonmark_ntp_departure_error_seconds_sum"));
    assert_null(strstr(text, "noonmark_ntp_departure_error_seconds_count"));
}

// Buckets sum up; thresholds are decimal fractions, also those of whole seconds.
static void times_are_a_histogram(void **state)
{
    (void)state;
    for (int format = 0; format < EXPOSITION_FORMATS; format++) {
        const char *text = text_of((enum exposition_format)format);
        expect(text, "noonmark_ke_groups_total{group=\"p256\"} 45");
        expect(text, "noonmark_ke_cpu_seconds_total 1.500000000");
        expect(text, "noonmark_ke_handshake_seconds_bucket{le=\"0.0005\"} 5");
        expect(text, "noonmark_ke_handshake_seconds_bucket{le=\"0.5\"} 5");
        expect(text, "noonmark_ke_handshake_seconds_bucket{le=\"1.0\"} 11");
        expect(text, "noonmark_ke_handshake_seconds_bucket{le=\"+Inf\"} 18");
        expect(text, "noonmark_ke_handshake_seconds_count 18");
        expect(text, "noonmark_ke_handshake_seconds_sum 90.250000000");
        expect(text, "noonmark_ke_exchange_seconds_count 0");
    }
}

// A dataplane that doubts control's clock serves leap 3, and so do the metrics.
static void a_doubted_clock_is_shown_as_served(void **state)
{
    (void)state;
    atomic_store(&dataplane.clock_doubted, 1);
    const char *text = text_of(EXPOSITION_OPENMETRICS);
    expect(text, "noonmark_clock_synchronised 0");
    expect(text, "noonmark_clock_leap 3");
    expect(text, "noonmark_clock_stratum 0");
    atomic_store(&dataplane.clock_doubted, 0);
    // Without a dataplane nothing is served.
    atomic_store(&dataplane.version, 0);
    expect(text_of(EXPOSITION_OPENMETRICS), "noonmark_clock_synchronised 0");
    atomic_store(&dataplane.version, BOARD_VERSION);
}

// The name of a line's sample or head without a suffix that belongs to its type.
static void family_of(const char *line, char name[128])
{
    const char *start = line[0] == '#' ? line + 7 : line; // "# TYPE ", "# HELP ", "# UNIT "
    const size_t len = strcspn(start, " {");
    static const char *const suffixes[] = {"_total", "_info", "_bucket", "_count", "_sum"};
    assert_true(len < 128);
    memcpy(name, start, len);
    name[len] = '\0';
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        const size_t at = len - strlen(suffixes[i]);
        if (len > strlen(suffixes[i]) && strcmp(name + at, suffixes[i]) == 0)
            name[at] = '\0';
    }
}

static char *line_after(char *text, char **line)
{
    char *end = strchr(text, '\n');
    assert_non_null(end); // every line has its end
    *end = '\0';
    *line = text;
    return end + 1;
}

// OpenMetrics: each family once, its head before its samples, which stand together; counters have
// _total; the text ends in "# EOF".
static void the_text_is_well_formed(void **state)
{
    (void)state;
    for (int format = 0; format < EXPOSITION_FORMATS; format++) {
        char *text = text_of((enum exposition_format)format), *line, seen[256][128], name[128];
        size_t n = 0;
        bool at_end = false;
        while (*text != '\0') {
            text = line_after(text, &line);
            assert_false(at_end);
            if (strcmp(line, "# EOF") == 0) {
                at_end = true;
                continue;
            }
            family_of(line, name);
            if (strncmp(line, "# HELP ", 7) == 0) {
                for (size_t i = 0; i < n; i++)
                    if (strcmp(seen[i], name) == 0)
                        fail_msg("%s: two heads", name);
                assert_true(n < 256);
                strcpy(seen[n++], name);
            } else if (n == 0 || strcmp(seen[n - 1], name) != 0) {
                fail_msg("%s: stands apart from its family", line);
            }
            assert_true(format == EXPOSITION_OPENMETRICS || strncmp(line, "# UNIT", 6) != 0);
        }
        assert_int_equal(at_end, format == EXPOSITION_OPENMETRICS);
        assert_true(n > 50);
    }
}

// The older format knows no _total of its own: head and samples have it.
static void the_older_format_names_counters_in_full(void **state)
{
    (void)state;
    const char *text = text_of(EXPOSITION_TEXT);
    expect(text, "# TYPE noonmark_process_starts_total counter");
    expect(text, "noonmark_process_starts_total{process=\"control\"} 3");
    expect(text, "# TYPE noonmark_build_info gauge");
    assert_non_null(strstr(text, "noonmark_ntp_departure_error_seconds_count{"));
}

static void accept_chooses_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum exposition_format format;
    } cases[] = {
        {NULL, EXPOSITION_TEXT},
        {"", EXPOSITION_TEXT},
        {"*/*", EXPOSITION_TEXT},
        {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", EXPOSITION_TEXT},
        {"application/openmetrics-text", EXPOSITION_OPENMETRICS},
        {"Application/OpenMetrics-Text; version=1.0.0", EXPOSITION_OPENMETRICS},
        {"application/openmetrics-text2", EXPOSITION_TEXT},
        {"application/openmetrics-text;q=0", EXPOSITION_TEXT},
        // Prometheus 2.42, 3.0
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         EXPOSITION_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;"
         "version=0.0.4;q=0.3,*/*;q=0.2",
         EXPOSITION_OPENMETRICS},
        {"text/plain;version=0.0.4,application/openmetrics-text;q=0.5", EXPOSITION_TEXT},
        {"text/plain;q=0.5 , application/openmetrics-text ;Q=0.75", EXPOSITION_OPENMETRICS},
        {",,;q=,=;", EXPOSITION_TEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (exposition_format_for(cases[i].accept) != cases[i].format)
            fail_msg("Accept: %s", cases[i].accept == NULL ? "(none)" : cases[i].accept);
}

// An entry of the manual for each head, and no entry for anything else.
static void the_manual_lists_every_metric(void **state)
{
    (void)state;
    char *text = text_of(EXPOSITION_OPENMETRICS), *line, *help = NULL;
    unsigned missing = 0, heads = 0, entries = 0;
    while (*text != '\0') {
        text = line_after(text, &line);
        if (strncmp(line, "# HELP ", 7) == 0)
            help = line + 7;
        if (strncmp(line, "# TYPE ", 7) != 0)
            continue;
        char entry[512];
        const size_t name = strcspn(line + 7, " ");
        assert_non_null(help);
        snprintf(entry, sizeof entry, ".TP\n.BR %.*s \" (%s)\"\n%s\n", (int)name, line + 7,
                 line + 7 + name + 1, help + name + 1);
        heads++;
        if (strstr(manual, entry) != NULL)
            continue;
        missing++;
        print_message("# man/noonmark-metrics.7 lacks:\n%s", entry);
    }
    for (const char *at = manual; (at = strstr(at, "\n.BR noonmark_")) != NULL; at++)
        entries++;
    for (const char *at = manual; (at = strstr(at, "\n.BR process_")) != NULL; at++)
        entries++;
    assert_int_equal(missing, 0);
    assert_int_equal(entries, heads);
}

static char *read_all(const char *path)
{
    enum { MANUAL_MAX = 1 << 20 };
    FILE *file = fopen(path, "r");
    char *text = calloc(1, MANUAL_MAX + 1);
    if (file == NULL || text == NULL || fread(text, 1, MANUAL_MAX, file) == 0) {
        fprintf(stderr, "exposition_test: cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: exposition_test noonmark-metrics.7\n", stderr);
        return EXIT_FAILURE;
    }
    manual = read_all(argv[1]);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_boards),
        cmocka_unit_test(a_mover_that_is_not_wanted_any_more_is_not_shown),
        cmocka_unit_test(departures_are_a_histogram),
        cmocka_unit_test(times_are_a_histogram),
        cmocka_unit_test(a_doubted_clock_is_shown_as_served),
        cmocka_unit_test(the_text_is_well_formed),
        cmocka_unit_test(the_older_format_names_counters_in_full),
        cmocka_unit_test(accept_chooses_the_format),
        cmocka_unit_test(the_manual_lists_every_metric),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
