// The roles: what each refuses, and that what it does without has values all the same.
#include "config/config.h"
#include "config/schema.h"
#include "tests/config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KE                                                                                         \
    "role: ke\n"                                                                                   \
    "control:\n"                                                                                   \
    "  ntp_server: ntp.test\n"                                                                     \
    "  certificates:\n"                                                                            \
    "    - {chain: /c, key: /k}\n"
#define NTP                                                                                        \
    "role: ntp\n"                                                                                  \
    "dataplane: {cores: [1], ports: [{interface: eth0}]}\n"                                        \
    "time: {stratum: 1, reference_id: GPS}\n"

static struct config *load(const char *text)
{
    struct config *config = NULL;
    struct config_error error;
    if (load_text(text, &config, &error) != 0)
        fail_msg("%s", error.text);
    return config;
}

static void is_refused(const char *text, const char *why)
{
    struct config *config = NULL;
    struct config_error error;
    assert_int_equal(load_text(text, &config, &error), -1);
    if (strstr(error.text, why) == NULL && strstr(error.others, why) == NULL)
        fail_msg("%s\n%s instead of %s", error.text, error.others, why);
}

static void ke_has_no_dataplane(void **state)
{
    (void)state;
    struct prefixes *sources;
    struct config *c = load(KE);
    assert_int_equal(c->role, SERVE_KE);
    assert_int_equal(c->dataplane.n_cores, 0);
    assert_int_equal(c->dataplane.n_ports, 0);
    assert_int_equal(c->control.n_listen, 2);
    assert_int_equal(config_ntp_port(c), 123);
    assert_int_equal(c->time.source, TIME_FIXED); // whatever its clock is worth, it serves
    assert_string_equal(c->dataplane.crypto, "auto");
    assert_int_equal(config_sources(c, &sources), 0);
    assert_null(sources); // all
    config_free(c);

    c = load(KE "  ntp_port: 8123\n"
                "dataplane: {deny: [192.0.2.0/24]}\n"
                "time: {hook: /hook}\n");
    assert_int_equal(config_ntp_port(c), 8123);
    assert_int_equal(config_sources(c, &sources), 0);
    assert_non_null(sources);
    prefixes_free(sources);
    config_free(c);
    is_refused("role: ke\ncontrol: {certificates: [{chain: /c, key: /k}]}\n",
               "`control.ntp_server` is empty, and with `role: ke` nothing answers NTP");
    is_refused("role: ke\ncontrol: {ntp_server: time.test}\n", "`control.certificates` is missing");
}

static void ntp_has_no_ke(void **state)
{
    (void)state;
    struct config *c = load(NTP);
    assert_int_equal(c->role, SERVE_NTP);
    assert_int_equal(c->control.n_listen, 0);
    assert_int_equal(c->control.n_certificates, 0);
    assert_string_equal(c->control.user, "noonmark-control");
    assert_string_equal(c->control.ntp_server, "");
    config_free(c);
    is_refused("role: ntp\ntime: {stratum: 1, reference_id: GPS}\n",
               "`dataplane.cores` is missing");
    is_refused("role: time\n", "`role` is \"time\"; it must be both, ke or ntp");
}

static bool is_one_of(const char *path, const char *const *kept)
{
    while (*kept != NULL && strcmp(path, *kept) != 0)
        kept++;
    return *kept != NULL;
}

// Also one that comes new into a section.
static void each_key_of_the_other_role_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *role, *section, *why, *kept[4];
    } cases[] = {
        {"ke", "dataplane", "serves no NTP", {"dataplane.allow", "dataplane.deny"}},
        {"ke", "time", "serves no NTP", {"time.hook"}},
        {"ntp", "control", "serves no NTS-KE", {"control.user", "control.socket"}},
    };
    char text[256], why[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t len = strlen(cases[i].section);
        unsigned n = 0;
        for (size_t j = 0; j < schema_n; j++) {
            const char *path = schema[j].path;
            if (strncmp(path, cases[i].section, len) != 0 || path[len] != '.' ||
                strpbrk(path + len + 1, ".[") != NULL || is_one_of(path, cases[i].kept))
                continue;
            snprintf(text, sizeof text, "role: %s\n%s:\n  %s: x\n", cases[i].role, cases[i].section,
                     path + len + 1);
            snprintf(why, sizeof why,
                     "t.yaml:3: `%s` does not go with `role: %s`: this host %s; remove it", path,
                     cases[i].role, cases[i].why);
            is_refused(text, why);
            n++;
        }
        assert_true(n > 5);
    }
}

static void what_is_printed_loads_again(void **state)
{
    (void)state;
    static const char *const texts[] = {KE "  ntp_port: 1\ntime: {hook: /h}\n", NTP, VALID};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *first = load(texts[i]), *second;
        char *text[2];
        size_t len;
        for (int j = 0; j < 2; j++) {
            FILE *out = open_memstream(&text[j], &len);
            assert_int_equal(config_print(j == 0 ? first : second, out), 0);
            fclose(out);
            if (j == 0)
                second = load(text[0]);
        }
        assert_string_equal(text[0], text[1]);
        assert_int_equal(first->role, second->role);
        free(text[0]);
        free(text[1]);
        config_free(first);
        config_free(second);
    }
}

static bool has(const struct config_setting *settings, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(settings[i].path, path) == 0)
            return true;
    return false;
}

static void a_reload_names_settings_of_the_role(void **state)
{
    (void)state;
    struct config_setting settings[CONFIG_SETTINGS_MAX];
    struct config *a = load(KE), *b = load(KE "dataplane: {deny: [192.0.2.1]}\n");
    const size_t n = config_compare(a, b, settings);
    assert_true(has(settings, n, "dataplane.deny"));
    assert_true(has(settings, n, "control.ntp_port"));
    assert_false(has(settings, n, "dataplane.nts_only"));
    assert_false(has(settings, n, "time.stratum"));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(settings[i].differs, strcmp(settings[i].path, "dataplane.deny") == 0);
    config_free(a);
    config_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ke_has_no_dataplane),
        cmocka_unit_test(ntp_has_no_ke),
        cmocka_unit_test(each_key_of_the_other_role_is_refused),
        cmocka_unit_test(what_is_printed_loads_again),
        cmocka_unit_test(a_reload_names_settings_of_the_role),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config/role", tests, NULL, NULL);
}
