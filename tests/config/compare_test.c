// The differences between two configurations, and the settings that a reload replaces.
#include "config/config.h"
#include "tests/config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config *loaded(const char *text)
{
    struct config *config = NULL;
    struct config_error error;
    if (load_text(text, &config, &error) != 0)
        fail_msg("%s in:\n%s", error.text, text);
    return config;
}

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(config_print(config, out), 0);
    fclose(out);
    return text;
}

// The names of what differs, a blank before each; live ones with a star.
static void differences(const char *before, const char *after, char out[1024])
{
    struct config *a = loaded(before), *b = loaded(after);
    struct config_setting settings[CONFIG_SETTINGS_MAX];
    size_t len = 0;
    const size_t n = config_compare(a, b, settings);
    out[0] = '\0';
    assert_true(n > 15);
    for (size_t i = 0; i < n; i++)
        if (settings[i].differs)
            len += (size_t)snprintf(out + len, 1024 - len, " %s%s", settings[i].path,
                                    settings[i].live ? "*" : "");
    config_free(a);
    config_free(b);
}

#define TWO_PAIRS                                                                                  \
    "control:\n  certificates:\n    - {chain: /c.pem, key: /k.pem}\n    - {chain: /d, key: /e}\n"

static void each_difference_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *names;
    } rows[] = {
        {VALID, ""},
        {VALID "keys: {rotate: 24h, keep: 3}\n", ""}, // the default, written out
        {VALID "keys: {rotate: 1440m}\n", ""},        // in another unit
        {VALID "log: {level: warning}\n", " log.level*"},
        {VALID "keys: {rotate: 12h, file: /a/b}\n", " keys.file keys.rotate*"},
        {VALID_PORTS TWO_PAIRS VALID_TIME, " control.certificates*"},
        {VALID_PORTS "control: {certificates: [{chain: /c.pem, key: /other}]}\n" VALID_TIME,
         " control.certificates*"},
        {"dataplane: {cores: [1], ports: [{vdev: eth0, addresses: [192.0.2.1]}]}\n" VALID_CONTROL
             VALID_TIME,
         " dataplane.ports"},
        {"dataplane: {cores: [1], ports: [{interface: eth0, addresses: [192.0.2.1]}]}\n" //
         VALID_CONTROL VALID_TIME,
         " dataplane.ports"},
        {"dataplane: {cores: [1], ports: [{interface: eth0, leap: smear}]}\n" //
         VALID_CONTROL VALID_TIME "  leap_list: /l\n",
         " dataplane.ports time.leap_list"},
        {"dataplane: {cores: [2], udp_port: 124, nts_port: 125, ports: [{interface: eth0}]}\n" //
         VALID_CONTROL VALID_TIME,
         " dataplane.cores dataplane.udp_port dataplane.nts_port"},
        {"dataplane: {cores: [1, 2], idle: adaptive, crypto: portable, user: a,\n"
         "  ports: [{interface: eth1}]}\n"
         "control: {certificates: [{chain: /c.pem, key: /k.pem}], listen: ['[::]:4460'], user: b,\n"
         "  names: [a.test], watch_certificates: false, threads: 2, ntp_server: n, deadline: 4s, "
         "max_connections: "
         "9, socket: /s}\n"
         "keys: {file: /f, rotate: 1h, keep: 1}\n"
         "time: {source: fixed, stratum: 2, reference_id: 192.0.2.1, max_error: 1s, chronyd: "
         "127.0.0.2:323,\n  stale_after: 1m, on_unhealthy: silent, hook: /h, phc_timescale: utc,\n"
         "  phc_accuracy: 2us, phc_limit: 2us}\n",
         " dataplane.cores dataplane.idle dataplane.crypto dataplane.user dataplane.ports "
         "control.listen* control.names* control.watch_certificates* "
         "control.threads control.user control.ntp_server* control.deadline* "
         "control.max_connections* "
         "control.socket keys.file keys.rotate* keys.keep* time.source time.stratum* "
         "time.reference_id* time.chronyd time.stale_after* time.phc_timescale* "
         "time.phc_accuracy* time.phc_limit* time.max_error* time.on_unhealthy* "
         "time.hook*"},
        {"dataplane: {cores: [1], ports: [{interface: eth0}], nts_only: true, count_clients: "
         "true, instance_id: a}\n" VALID_CONTROL VALID_TIME,
         " dataplane.nts_only* dataplane.count_clients dataplane.instance_id*"},
        {"dataplane: {cores: [1], ports: [{interface: eth0}], deny: [192.0.2.1],\n"
         "  allow: ['::/0', 0.0.0.0/0]}\n" VALID_CONTROL VALID_TIME,
         " dataplane.allow* dataplane.deny*"},
        {VALID "  source: phc:/dev/ptp0\n", " time.source"},
        {VALID "keys: {fleet: {file: /f}}\n", " keys.fleet.file"},
        {VALID "keys: {keep: 1, fleet: {file: /f, etcd: ['https://a'], seal: /s, lead: 1h}}\n",
         " keys.keep* keys.fleet.file keys.fleet.etcd keys.fleet.seal keys.fleet.lead"},
        {VALID_PORTS VALID_CONTROL "time: {source: chronyd}\n",
         " time.source time.stratum time.reference_id"},
    };
    char got[1024];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        differences(VALID, rows[i].text, got);
        assert_string_equal(got, rows[i].names);
        differences(rows[i].text, VALID, got);
        assert_string_equal(got, rows[i].names);
    }
}

// Of a fleet: another document, other members of etcd. Its first document needs a restart.
static void a_fleets_settings_are_live_within_a_fleet(void **state)
{
    (void)state;
    char got[1024];
    static const char first[] = VALID "keys: {fleet: {file: /f}}\n";
    static const char moved[] =
        VALID "keys: {fleet: {file: /g, etcd: ['https://a', 'https://b'], key: /k, seal: /s, ca: "
              "/ca,\n  cert: /c, cert_key: /ck, user: u, password_file: /p, lead: 1h, settle: "
              "2s}}\n";
    differences(first, moved, got);
    assert_string_equal(got,
                        " keys.fleet.file* keys.fleet.etcd* keys.fleet.key* keys.fleet.seal* "
                        "keys.fleet.ca* keys.fleet.cert* keys.fleet.cert_key* keys.fleet.user* "
                        "keys.fleet.password_file* keys.fleet.lead* keys.fleet.settle*");
    struct config *a = loaded(first), *b = loaded(moved);
    config_swap_live(a, b);
    assert_string_equal(a->keys.fleet_file, "/g");
    assert_int_equal(a->keys.etcd.n_endpoints, 2);
    assert_string_equal(a->keys.etcd.endpoints[1], "https://b");
    assert_string_equal(b->keys.fleet_file, "/f");
    assert_int_equal(b->keys.etcd.n_endpoints, 0);
    config_free(a);
    config_free(b);
    a = loaded(VALID);
    b = loaded(moved);
    config_swap_live(a, b);
    assert_string_equal(a->keys.fleet_file, "");
    assert_int_equal(a->keys.etcd.n_endpoints, 0);
    config_free(a);
    config_free(b);
}

static void live_settings_are_exchanged_and_no_others(void **state)
{
    (void)state;
    struct config *a = loaded(VALID);
    struct config *b =
        loaded("dataplane: {cores: [2], ports: [{interface: eth1}]}\n" TWO_PAIRS VALID_TIME
               "log: {level: error}\n");
    char *a_before = printed(a), *b_before = printed(b);
    config_swap_live(a, b);
    assert_int_equal(a->control.n_certificates, 2);
    assert_string_equal(a->control.certificates[1].key, "/e");
    assert_string_equal(a->log.level, "error");
    assert_int_equal(a->dataplane.cores[0], 1);
    assert_string_equal(a->dataplane.ports[0].device, "eth0");
    assert_int_equal(b->control.n_certificates, 1);
    assert_string_equal(b->log.level, "info");
    assert_int_equal(b->dataplane.cores[0], 2);
    config_swap_live(a, b);
    char *a_after = printed(a), *b_after = printed(b);
    assert_string_equal(a_after, a_before);
    assert_string_equal(b_after, b_before);
    free(a_before);
    free(a_after);
    free(b_before);
    free(b_after);
    config_free(a);
    config_free(b);
}

// What follows from a value goes with it.
static void the_reference_goes_with_its_word(void **state)
{
    (void)state;
    struct config *a = loaded(VALID);
    struct config *b =
        loaded(VALID_PORTS VALID_CONTROL "time: {stratum: 2, reference_id: 192.0.2.1}\n");
    config_swap_live(a, b);
    assert_int_equal(a->time.stratum, 2);
    assert_string_equal(a->time.reference_id, "192.0.2.1");
    assert_int_equal(a->time.reference_id_word, 0xc0000201);
    assert_int_equal(b->time.reference_id_word, 0x47505300);
    config_free(a);
    config_free(b);
}

// time.source needs a restart, and decides whether there is a stratum at all.
static void what_a_choice_forbids_stays_with_it(void **state)
{
    (void)state;
    struct config *a = loaded(VALID);
    struct config *b = loaded(VALID_PORTS VALID_CONTROL "time: {source: chronyd}\n");
    config_swap_live(a, b);
    assert_int_equal(a->time.stratum, 1);
    assert_string_equal(a->time.reference_id, "GPS");
    assert_int_equal(b->time.stratum, 0);
    config_free(a);
    config_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_is_named),
        cmocka_unit_test(a_fleets_settings_are_live_within_a_fleet),
        cmocka_unit_test(live_settings_are_exchanged_and_no_others),
        cmocka_unit_test(the_reference_goes_with_its_word),
        cmocka_unit_test(what_a_choice_forbids_stays_with_it),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config/compare", tests, NULL, NULL);
}
