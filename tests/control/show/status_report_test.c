// The status object: its names are a stable interface, and its numbers are those of the board.
#include "base/tsc.h"
#include "board/metrics.h"
#include "control/keys/keys.h"
#include "control/show/status_report.h"
#include "control/time/time_source.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct board_control control;
static struct board_dataplane dataplane;
static struct board_ke ke;
static struct board_metrics metrics_process;
static struct board_etcd etcd_process;
static struct config config = {.keys = {.rotate_s = 86400, .keep = 3}};
static char directory[] = "/tmp/noonmark-status-XXXXXX", file[64];
static struct keys *keys;
static struct time_source *source;

// Two cores and two ports, each number another.
static int fill(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(file, sizeof file, "%s/keys", directory);
    config.keys.file = file;
    assert_int_equal(keys_open(&config, &keys), 0);
    config.time.hook = (char *)"";
    config.time.max_error_ms = 1500;
    assert_int_equal(time_source_open(&config, -1, &control.ntp_state, &source), 0);

    atomic_store(&dataplane.version, BOARD_VERSION);
    atomic_store(&dataplane.n_cores, 2);
    atomic_store(&dataplane.n_ports, 2);
    dataplane.core_id[1] = 7;
    for (unsigned c = 0; c < 2; c++) {
        _Atomic uint64_t *word = (_Atomic uint64_t *)&dataplane.core[c];
        for (unsigned i = 0; i < sizeof dataplane.core[c] / sizeof *word; i++)
            atomic_store(&word[i], (c + 1) * 1000 + i);
        atomic_store(&dataplane.port[c].rx_missed, 50 + c);
    }
    for (unsigned i = 0; i < KE_COUNTER_COUNT; i++)
        atomic_store(&ke.counters.n[i], 300 + i);
    atomic_store(&ke.counters.open, 12);
    atomic_store(&ke.starts, 3);
    atomic_store(&ke.log_lost, 4);
    for (unsigned i = 0; i < 2; i++) {
        const struct board_certificate certificate = {.expires_s = 1800000000 + i,
                                                      .chain = "/etc/cert.pem",
                                                      .subject = "time.example",
                                                      .key = "EC, 256 bits"};
        snapshot_publish(&ke.certificate[i], &certificate, sizeof certificate);
    }
    atomic_store(&ke.n_certificates, 2);
    config.metrics.listen.len = 16; // as if there were one
    atomic_store(&metrics_process.n[METRICS_CUT], 8);
    config.keys.etcd.n_endpoints = 1;
    atomic_store(&etcd_process.n[ETCD_OLDER], 9);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    keys_close(keys);
    time_source_close(source);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static json_t *answer(const char *request)
{
    const struct status_sources sources = {.config = &config,
                                           .control = &control,
                                           .dataplane = &dataplane,
                                           .keys = keys,
                                           .time = source,
                                           .ke = &ke,
                                           .metrics = &metrics_process,
                                           .etcd = &etcd_process};
    char *text = status_answer(&sources, request);
    assert_non_null(text);
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    free(text);
    return object;
}

static json_t *status(void)
{
    return answer("status");
}

// The object has these members, whose names are separated by spaces, and no others.
static void expect_names(const char *what, const json_t *object, const char *names)
{
    char copy[4096];
    size_t n = 0;
    assert_true(strlen(names) < sizeof copy);
    strcpy(copy, names);
    for (char *name = strtok(copy, " "); name != NULL; name = strtok(NULL, " ")) {
        if (json_object_get(object, name) == NULL)
            fail_msg("%s lacks %s", what, name);
        n++;
    }
    if (n != json_object_size(object))
        fail_msg("%s has %zu members instead of %zu", what, json_object_size(object), n);
}

#define COUNTERS                                                                                   \
    "frames_received answered_plain answered_nts answered_nak answered_kiss dropped_runt "         \
    "dropped_oversize "                                                                            \
    "dropped_not_ip dropped_fragment dropped_ip_options dropped_not_udp dropped_not_ntp "          \
    "dropped_not_ours dropped_group dropped_other_mac dropped_source dropped_checksum "            \
    "dropped_port_zero dropped_denied dropped_length "                                             \
    "dropped_version dropped_mode dropped_trailer dropped_mac dropped_fields dropped_nts_shape "   \
    "dropped_nts_lengths dropped_nts_content dropped_plain dropped_no_keys dropped_no_clock "      \
    "dropped_unhealthy "                                                                           \
    "dropped_plain_limit dropped_session_limit dropped_nak_limit dropped_overload dropped_stale "  \
    "dropped_longer dropped_tx_full nak_unknown_key nak_cookie_length nak_cookie_tag "             \
    "nak_request_tag cookie_expired cookie_future leaked_plain leaked_nak dry_run_plain "          \
    "dry_run_session dry_run_nak dry_run_overload overload_no_naks overload_leak overload_share "  \
    "octets_received octets_sent cookies_sealed slow_path to_nts_port busy_cycles "                \
    "stamps_refused stamps_hardware departures_sampled departures_early composed_again "           \
    "records_refused interleaved interleaved_basic "                                               \
    "departures_known departures_unasked departures_lost departures_hardware"

static void names_are_stable(void **state)
{
    (void)state;
    json_t *o = status();
    static const struct {
        const char *of, *names;
    } object[] = {
        {"control", "heartbeat_age_ms starts log_lines_lost"},
        {"ke_process", "heartbeat_age_ms starts log_lines_lost"},
        {"dataplane", "heartbeat_age_ms starts log_lines_lost guard_discarded kernel_path_stale "
                      "clients_minute clients_hour serving crypto memory idle"},
        {"clock", "source serving synchronised believed leap stratum reference_id precision "
                  "root_delay_s root_dispersion_s bound_ns growth_ppb gates steps error_bound_ns "
                  "smear_ns smear_lost leap_list_bad"},
        {"ke", "accepted completed no_common of_pool error_critical error_request error_internal "
               "late_handshake late_request no_handshake no_alpn abandoned paused_full "
               "paused_error paused_cpu denied refused_limit refused_waited bad_proxy dry_run "
               "pool_sessions pool_lists pool_refused pool_denied pool_open open"},
        {"metrics_process", "heartbeat_age_ms starts log_lines_lost scrapes pages refused cut"},
        {"etcd_process", "heartbeat_age_ms starts log_lines_lost current revision member read_s "
                         "reads taken empty unopened faulty older other unreached away refused "
                         "strange file_failures appended append_lost"},
        {"counters", COUNTERS},
    };
    static const struct {
        const char *of, *names;
    } list[] = {
        {"ports",
         "name driver mode state xdp_program link_up queues smears addresses_not_steered mac "
         "rx_missed rx_ring_full fill_ring_empty stamps departures stamped unstamped "
         "hardware hardware_believed launch_time frames_received rx_invalid kind addresses_served "
         "addresses"},
        {"keys", "id role imported age_s opened sealed"},
        {"certificates", "chain expires subject key"},
        {"departure_error", "up_to_ns count"},
        {"cores", COUNTERS " cpu turns departure_ns"},
    };
    expect_names("status", o,
                 "version role draining control dataplane ke_process metrics_process "
                 "etcd_process ports clock stamp_clocks "
                 "keys fleet certificates ke counters kernel_path departure_error cores");
    for (size_t i = 0; i < sizeof object / sizeof object[0]; i++)
        expect_names(object[i].of, json_object_get(o, object[i].of), object[i].names);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        expect_names(list[i].of, json_array_get(json_object_get(o, list[i].of), 1), list[i].names);
    json_decref(o);
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

// Each core's numbers are its own, the counters are their sum, and no sum is made of what has none.
static void numbers_are_the_boards(void **state)
{
    (void)state;
    json_t *o = status();
    const json_t *cores = json_object_get(o, "cores"), *sum = json_object_get(o, "counters");
    assert_int_equal(json_array_size(cores), 2);
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *m = &metrics[i];
        if ((m->place != METRIC_CORES && m->place != METRIC_CORE) || m->form == METRIC_DEPARTS)
            continue;
        for (unsigned c = 0; c < 2; c++)
            assert_int_equal(number(json_array_get(cores, c), m->json),
                             (c + 1) * 1000 + m->at / sizeof(uint64_t));
        if (m->place == METRIC_CORES)
            assert_int_equal(number(sum, m->json), 3000 + 2 * m->at / sizeof(uint64_t));
    }
    assert_int_equal(number(json_array_get(cores, 1), "cpu"), 7);
    assert_int_equal(number(json_object_get(o, "ke"), "accepted"), 300);
    assert_int_equal(number(json_object_get(o, "ke"), "abandoned"), 300 + KE_ABANDONED);
    assert_int_equal(number(json_object_get(o, "ke"), "open"), 12);
    assert_int_equal(number(json_object_get(o, "metrics_process"), "cut"), 8);
    assert_int_equal(number(json_object_get(o, "etcd_process"), "older"), 9);
    assert_int_equal(number(json_array_get(json_object_get(o, "certificates"), 1), "expires"),
                     1800000001);
    assert_int_equal(number(json_object_get(o, "ke_process"), "starts"), 3);
    assert_int_equal(number(json_object_get(o, "ke_process"), "log_lines_lost"), 4);
    assert_true(json_is_null(
        json_object_get(json_object_get(o, "ke_process"), "heartbeat_age_ms"))); // never beat
    assert_int_equal(number(json_array_get(json_object_get(o, "ports"), 1), "rx_missed"), 51);
    assert_int_equal(
        number(json_array_get(json_object_get(o, "departure_error"), 3), "count"),
        3000 + 2 * (offsetof(struct core_counters, departure_error) / sizeof(uint64_t) + 3));
    json_decref(o);
}

// Of the configuration comes the kind, of the board the addresses, the first of very many.
static void the_ports_in_full(void **state)
{
    (void)state;
    struct board_addresses all = {.n = 2, .address = {{[10] = 0xff, [11] = 0xff}}};
    struct board_port *port = &dataplane.port[1];
    struct config_port was = config.dataplane.ports[0];
    memcpy(all.address[0] + 12, (const uint8_t[]){192, 0, 2, 7}, 4);
    memcpy(all.address[1], (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 16);
    strcpy(port->name, "eth1");
    strcpy(port->departures, "kernel");
    config.dataplane.n_ports = 2;
    config.dataplane.ports[0] =
        (struct config_port){.kind = PORT_SOCKET, .device = (char *)"eth10"};
    config.dataplane.ports[1] =
        (struct config_port){.kind = PORT_INTERFACE, .device = (char *)"eth1"};
    snapshot_publish(&port->addresses, &all, sizeof all);
    atomic_store(&dataplane.kernel_path.frames_received, 77);

    json_t *o = answer("ports");
    expect_names("ports", o, "role udp_port nts_port ports kernel_path");
    assert_true(json_is_null(json_object_get(o, "nts_port")));
    expect_names("kernel_path", json_object_get(o, "kernel_path"),
                 "answers requests stale discarded");
    assert_int_equal(number(json_object_get(o, "kernel_path"), "requests"), 77);
    const json_t *first = json_array_get(json_object_get(o, "ports"), 0);
    const json_t *second = json_array_get(json_object_get(o, "ports"), 1);
    assert_true(json_is_null(json_object_get(first, "kind"))); // without a name
    assert_int_equal(number(first, "addresses_served"), 0);
    assert_string_equal(json_string_value(json_object_get(second, "kind")), "interface");
    assert_string_equal(json_string_value(json_object_get(second, "departures")), "kernel");
    assert_string_equal(json_string_value(json_object_get(second, "launch_time")), "no");
    assert_int_equal(number(second, "addresses_served"), 2);
    const json_t *list = json_object_get(second, "addresses");
    assert_string_equal(json_string_value(json_array_get(list, 0)), "192.0.2.7");
    assert_string_equal(json_string_value(json_array_get(list, 1)), "2001:db8::1");
    json_decref(o);

    atomic_store(&port->by_metadata, 1);
    static const char *const launch[] = {"no", "being tried", "used", "refused", "no"};
    for (uint32_t i = 0; i < sizeof launch / sizeof *launch; i++) {
        atomic_store(&port->launch, i); // the last one is none
        o = answer("ports");
        second = json_array_get(json_object_get(o, "ports"), 1);
        assert_string_equal(json_string_value(json_object_get(second, "departures")),
                            "device, by AF_XDP");
        assert_string_equal(json_string_value(json_object_get(second, "launch_time")), launch[i]);
        json_decref(o);
    }

    all.n = 1000;
    snapshot_publish(&port->addresses, &all, sizeof all);
    o = answer("ports");
    second = json_array_get(json_object_get(o, "ports"), 1);
    assert_int_equal(number(second, "addresses_served"), 1000);
    assert_int_equal(json_array_size(json_object_get(second, "addresses")), BOARD_ADDRESSES);
    json_decref(o);
    config.dataplane.ports[0] = was;
    config.dataplane.n_ports = 0;
    port->name[0] = '\0';
}

static void the_keys_in_full(void **state)
{
    (void)state;
    json_t *o = answer("keys");
    expect_names("keys", o,
                 "keys rotate_s keep next_rotation_s rotating writing failing fleet etcd");
    const json_t *current = json_array_get(json_object_get(o, "keys"), 0);
    const json_t *future = json_array_get(json_object_get(o, "keys"), 1);
    expect_names("a key", current, "id role imported age_s opened sealed old opens_for_s");
    const int64_t next = number(o, "next_rotation_s");
    assert_true(next > 86300 && next <= 86400);
    assert_int_equal(number(current, "opens_for_s"), next + 3 * 86400);
    assert_int_equal(number(future, "opens_for_s"), next + 4 * 86400);
    assert_true(json_is_null(json_object_get(current, "old")));
    json_decref(o);
}

static void ke_in_full(void **state)
{
    (void)state;
    config.control.max_connections = 100;
    json_t *o = answer("ke");
    expect_names("ke", o, "role process ke sessions limits certificates");
    expect_names("limits", json_object_get(o, "limits"), "max_connections deadline_ms threads");
    assert_int_equal(number(json_object_get(o, "limits"), "max_connections"), 100);
    assert_int_equal(number(json_object_get(o, "ke"), "open"), 12);
    const json_t *sessions = json_object_get(o, "sessions");
    expect_names(
        "sessions", sessions,
        "group_x25519 group_p256 group_x25519mlkem768 group_other suite_aes_128_gcm "
        "suite_aes_256_gcm suite_chacha20 suite_other key_ec key_rsa key_ed25519 key_other cpu_ns "
        "handshake_time exchange_time");
    const json_t *time = json_object_get(sessions, "exchange_time");
    assert_int_equal(number(time, "sum_ns"), 0);
    assert_int_equal(json_array_size(json_object_get(time, "bins")), KE_TIME_BINS);
    const json_t *second = json_array_get(json_object_get(o, "certificates"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "subject")), "time.example");
    assert_string_equal(json_string_value(json_object_get(second, "key")), "EC, 256 bits");
    json_decref(o);
}

static void limits_in_full(void **state)
{
    (void)state;
    const struct ntp_state clock = {.tsc_hz = 1000000000};
    const uint64_t now = tsc_now();
    const struct limited_source sources[] = {
        {.prefix = 0xc0000207, .by = LIMITED_SESSION, .tsc = now},
        {.prefix = UINT64_C(0x20010db800010002), .v6 = 1, .by = LIMITED_PLAIN, .tsc = now},
        {.prefix = 1, .by = LIMITED_PLAIN, .tsc = now - 61 * clock.tsc_hz}, // too long ago
        {.prefix = 2, .by = LIMITED_KINDS, .tsc = now},                     // out of range
    };
    snapshot_publish(&control.ntp_state, &clock, sizeof clock);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        limited_note(&dataplane.limited[1], &sources[i], 64 * (i + 1));
    atomic_store(&dataplane.core[0].overload_rung, 3);
    atomic_store(&dataplane.core[0].overload_tsc, now - 2 * clock.tsc_hz); // no more
    atomic_store(&dataplane.core[1].overload_rung, 2);
    atomic_store(&dataplane.core[1].overload_tsc, now);
    config.dataplane.limits = (struct config_limits){
        .plain = {64, 256}, .leak = CONFIG_FRACTION_ONE / 4, .overload = SWITCH_TRUE};

    json_t *o = answer("limits");
    expect_names("limits", o, "role settings overload_rung refused");
    const json_t *settings = json_object_get(o, "settings");
    expect_names("settings", settings, "plain leak kod session nak_share overload dry_run");
    assert_int_equal(number(json_object_get(settings, "plain"), "burst"), 256);
    assert_int_equal(number(o, "overload_rung"), 2);
    const json_t *refused = json_object_get(o, "refused");
    assert_int_equal(json_array_size(refused), 2);
    const json_t *first = json_array_get(refused, 0), *second = json_array_get(refused, 1);
    expect_names("refused", first, "source limit refused seconds_ago cpu");
    assert_string_equal(json_string_value(json_object_get(first, "source")), "2001:db8:1:2::/64");
    assert_string_equal(json_string_value(json_object_get(first, "limit")), "plain");
    assert_int_equal(number(first, "refused"), 128);
    assert_int_equal(number(first, "cpu"), 7);
    assert_string_equal(json_string_value(json_object_get(second, "source")), "192.0.2.7");
    json_decref(o);
}

// A clock that the dataplane does not believe is shown as it is served.
static void a_doubted_clock_is_shown_as_served(void **state)
{
    (void)state;
    const struct ntp_state good = {
        .line = {.rate = UINT64_C(1) << 48},
        .tsc_hz = UINT64_C(1) << 32,
        .root_dispersion = 0x8000,
        .void_after = UINT64_C(1) << 32,
        .leap = LEAP_INSERT,
        .stratum = 2,
        .precision = -24,
        .serving = 1,
        .bound_ns = 23,
        .growth_ppb = 35,
        .gates = 64,
        .steps = 9,
    };
    assert_true(ntp_state_is_sound(&good));
    ntp_state_publish(&control.ntp_state, &good);
    for (uint32_t doubted = 0; doubted < 2; doubted++) {
        atomic_store(&dataplane.clock_doubted, doubted);
        json_t *o = status();
        const json_t *clock = json_object_get(o, "clock");
        assert_int_equal(json_is_true(json_object_get(clock, "synchronised")), !doubted);
        assert_int_equal(json_is_true(json_object_get(clock, "believed")), !doubted);
        assert_string_equal(json_string_value(json_object_get(clock, "leap")),
                            doubted ? "unknown" : "insert");
        assert_int_equal(number(clock, "stratum"), doubted ? 0 : 2);
        assert_int_equal(number(clock, "precision"), -24);
        assert_int_equal(number(clock, "bound_ns"), 23);
        assert_int_equal(number(clock, "growth_ppb"), 35);
        assert_int_equal(number(clock, "gates"), 64);
        assert_int_equal(number(clock, "steps"), 9);
        assert_true(json_is_true(json_object_get(clock, "serving")));
        assert_true(json_real_value(json_object_get(clock, "root_dispersion_s")) == 0.5);
        json_decref(o);
    }
}

// The bound of the stamps' line, and whether it still counts.
static void a_stamp_clock_is_shown(void **state)
{
    (void)state;
    struct stamp_line line = {
        .rate = UINT64_C(3) << STAMP_RATE_SHIFT,
        .tsc_base = tsc_now(),
        .bound_ns = 14,
        .growth_ppb = 600060,
        .gates = 63,
    };
    for (unsigned exact = 0; exact < 2; exact++) {
        line.until = line.tsc_base + exact * (UINT64_C(1) << 40);
        snapshot_publish(&dataplane.stamps, &line, sizeof line);
        json_t *o = status();
        const json_t *clocks = json_object_get(o, "stamp_clocks");
        assert_int_equal(json_array_size(clocks), 1);
        const json_t *clock = json_array_get(clocks, 0);
        expect_names("stamp_clocks", clock, "clock exact bound_ns growth_ppb gates");
        assert_string_equal(json_string_value(json_object_get(clock, "clock")), "CLOCK_MONOTONIC");
        assert_int_equal(json_is_true(json_object_get(clock, "exact")), exact);
        assert_int_equal(number(clock, "bound_ns"), 14);
        assert_int_equal(number(clock, "growth_ppb"), 600060);
        assert_int_equal(number(clock, "gates"), 63);
        json_decref(o);
    }
    uint64_t version = atomic_exchange(&dataplane.version, 0); // no dataplane runs
    json_t *o = status();
    assert_int_equal(json_array_size(json_object_get(o, "stamp_clocks")), 0);
    json_decref(o);
    atomic_store(&dataplane.version, version);
}

// The answer to "clock": nothing is known yet, and then as the source and the board have it.
static void the_clock_in_full(void **state)
{
    (void)state;
    json_t *o = answer("clock");
    expect_names(
        "clock", o,
        "role clock health error_bound_s line_error_ns tsc_hz source_offset_s source_age_s "
        "stamp_clocks stamps_frequency_ppm ports departure_error stamps_refused composed_again");
    const json_t *health = json_object_get(o, "health");
    expect_names("health", health, "state reason for_s changes on_unhealthy hook");
    assert_string_equal(json_string_value(json_object_get(health, "state")), "healthy");
    assert_true(json_is_null(json_object_get(health, "reason")));
    assert_true(json_is_null(json_object_get(health, "hook")));
    assert_true(json_is_null(json_object_get(o, "source_offset_s")));
    const json_t *port = json_array_get(json_object_get(o, "ports"), 0);
    expect_names("port", port,
                 "name stamps clock receive stamped unstamped coverage hardware hardware_believed "
                 "hardware_coverage");
    assert_true(json_is_null(json_object_get(port, "clock")));
    assert_string_equal(json_string_value(json_object_get(port, "receive")), "none");
    assert_true(json_is_null(json_object_get(port, "coverage")));
    json_decref(o);

    const struct ntp_state known = {
        .line = {.rate = UINT64_C(1) << 48}, // 2^32 ticks a second
        .tsc_hz = UINT64_C(1) << 32,
        .void_after = UINT64_C(1) << 32,
        .stratum = 2,
        .serving = 1,
    };
    const struct stamp_line stamps = {
        .rate = (uint64_t)((double)(UINT64_C(1) << 48) * 4.294967296 * (1 + 5e-6)),
        .until = 1,
        .bound_ns = 43,
    };
    assert_true(ntp_state_is_sound(&known) && stamp_line_is_sound(&stamps));
    ntp_state_publish(&control.ntp_state, &known);
    snapshot_publish(&dataplane.stamps, &stamps, sizeof stamps);
    atomic_store(&dataplane.port[0].stamped, 3);
    atomic_store(&dataplane.port[0].unstamped, 1);
    o = answer("clock");
    assert_int_equal(json_array_size(json_object_get(o, "stamp_clocks")), 1);
    assert_true(fabs(json_real_value(json_object_get(o, "stamps_frequency_ppm")) - 5) < 0.01);
    assert_true(number(o, "tsc_hz") == INT64_C(1) << 32);
    port = json_array_get(json_object_get(o, "ports"), 0);
    assert_true(json_real_value(json_object_get(port, "coverage")) == 0.75);
    assert_int_equal(
        number(json_array_get(json_object_get(o, "departure_error"), 3), "count"),
        3000 + 2 * (offsetof(struct core_counters, departure_error) / sizeof(uint64_t) + 3));
    json_decref(o);
}

// A port whose device has a clock: 37 s and 250 us ahead of UTC, 100 ppm fast, until its line ends.
static void a_port_has_a_clock(void **state)
{
    (void)state;
    const uint64_t now = tsc_now();
    const struct ntp_state utc = {
        .line = {.rate = UINT64_C(1) << 48, .tsc_base = now, .utc_base = UINT64_C(0xe8) << 56},
        .tsc_hz = UINT64_C(1) << 32,
        .void_after = now + (UINT64_C(1) << 32),
        .stratum = 1,
        .serving = 1,
    };
    // 1970 is 2208988800 s after 1900.
    const uint64_t utc_ns = ((UINT64_C(0xe8) << 24) - UINT64_C(2208988800)) * NS_PER_S;
    struct stamp_line own = {
        .stamp_base = utc_ns + UINT64_C(37000250000),
        .tsc_base = now,
        .rate = (uint64_t)((double)(UINT64_C(1) << 48) * 4.294967296 / (1 + 100e-6)),
        .bound_ns = 21,
        .gates = 64,
    };
    struct board_port *port = &dataplane.port[0];
    ntp_state_publish(&control.ntp_state, &utc);
    snprintf(port->clock, sizeof port->clock, "/dev/ptp7");
    atomic_store(&port->stamped, 8);
    atomic_store(&port->unstamped, 0);
    atomic_store(&port->hardware, 7);
    atomic_store(&port->believed, 6);
    for (unsigned exact = 0; exact < 2; exact++) {
        own.until = now + exact * (UINT64_C(1) << 40);
        snapshot_publish(&port->own_clock, &own, sizeof own);
        json_t *o = answer("clock");
        const json_t *shown = json_array_get(json_object_get(o, "ports"), 0);
        const json_t *clock = json_object_get(shown, "clock");
        expect_names("clock", clock,
                     "clock exact bound_ns growth_ppb gates offset_s frequency_ppm timescale");
        assert_string_equal(json_string_value(json_object_get(clock, "clock")), "/dev/ptp7");
        assert_string_equal(json_string_value(json_object_get(shown, "receive")),
                            exact ? "hardware" : "kernel");
        assert_true(json_real_value(json_object_get(shown, "hardware_coverage")) == 0.75);
        assert_int_equal(json_is_true(json_object_get(clock, "exact")), exact);
        assert_int_equal(json_is_number(json_object_get(clock, "offset_s")), exact);
        if (exact) {
            // The answer is a little later than now, by some ms at 100 ppm.
            const double off_s = json_real_value(json_object_get(clock, "offset_s"));
            assert_true(off_s > 37.000249 && off_s < 37.0012);
            const double ppm = json_real_value(json_object_get(clock, "frequency_ppm"));
            assert_true(ppm > 99.9 && ppm < 100.1);
            assert_string_equal(json_string_value(json_object_get(clock, "timescale")), "TAI");
        }
        json_decref(o);
    }
    port->clock[0] = '\0';
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_stable),
        cmocka_unit_test(numbers_are_the_boards),
        cmocka_unit_test(the_ports_in_full),
        cmocka_unit_test(the_keys_in_full),
        cmocka_unit_test(ke_in_full),
        cmocka_unit_test(limits_in_full),
        cmocka_unit_test(a_doubted_clock_is_shown_as_served),
        cmocka_unit_test(a_stamp_clock_is_shown),
        cmocka_unit_test(the_clock_in_full),
        cmocka_unit_test(a_port_has_a_clock),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, fill, empty);
}
