// keys.fleet with members of etcd: what is taken, and what is refused with what advice.
#include "config/config.h"
#include "tests/config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FLEET VALID "keys:\n  fleet:\n    file: /d/fleet\n"
#define SEAL "    seal: /s\n"

static void refused(const char *text, const char *message)
{
    struct config *config = NULL;
    struct config_error error;

    if (load_text(text, &config, &error) == 0)
        fail_msg("loaded, but should not:\n%s", text);
    if (strstr(error.text, message) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", error.text, message);
}

static struct config *taken(const char *text)
{
    struct config *config = NULL;
    struct config_error error;

    if (load_text(text, &config, &error) != 0)
        fail_msg("%s in:\n%s", error.text, text);
    return config;
}

static void without_members_there_is_no_mover(void **state)
{
    (void)state;
    struct config *c = taken(FLEET);
    assert_int_equal(c->keys.etcd.n_endpoints, 0);
    assert_string_equal(c->keys.etcd.key, "/noonmark/fleet");
    assert_int_equal(c->keys.etcd.lead_s, 14 * 86400);
    assert_int_equal(c->keys.etcd.settle_s, 60);
    config_free(c);
    refused(FLEET SEAL, "`keys.fleet.seal` is of no use without members");
}

static void members_are_read(void **state)
{
    (void)state;
    struct config *c = taken(
        FLEET SEAL "    etcd: [\"https://etcd1.example:2379\", \"https://[2001:db8::1]:2379\", "
                   "\"https://192.0.2.1\", \"http://127.0.0.1:2379\", \"http://localhost:2379\", "
                   "\"http://[::1]:2379\"]\n"
                   "    user: noonmark\n    password_file: /p\n    cert: /c\n    cert_key: /k\n");
    assert_int_equal(c->keys.etcd.n_endpoints, 6);
    assert_string_equal(c->keys.etcd.endpoints[1], "https://[2001:db8::1]:2379");
    assert_string_equal(c->keys.etcd.seal, "/s");
    config_free(c);
}

static void odd_members_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "etcd1.example:2379", "ftp://etcd1.example", "https://",        "https://a:2379/",
        "https://a:2379/v3",  "https://a:0",         "https://a:65536", "https://a:",
        "https://u:p@a:2379", "https://[::1",        "https://a b",     "https://a?x",
    };
    char text[2048];
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        snprintf(text, sizeof text, FLEET SEAL "    etcd: [\"%s\"]\n", urls[i]);
        refused(text, "`keys.fleet.etcd` has");
    }
}

// Whoever stands between could answer in etcd's place, and read the password.
static void without_tls_only_this_host_is_asked(void **state)
{
    (void)state;
    refused(FLEET SEAL "    etcd: [\"http://192.0.2.1:2379\"]\n", "without TLS");
    refused(FLEET SEAL "    etcd: [\"http://etcd1.example:2379\"]\n", "without TLS");
    refused(FLEET SEAL "    etcd: [\"http://127.evil.example:2379\"]\n", "without TLS");
}

static void what_belongs_together_is_asked_for(void **state)
{
    (void)state;
#define MEMBER "    etcd: [\"https://a:2379\"]\n"
    refused(VALID "keys:\n  fleet:\n" MEMBER SEAL, "needs keys.fleet.file");
    refused(FLEET MEMBER, "needs keys.fleet.seal");
    refused(FLEET MEMBER SEAL "    cert: /c\n", "belong together");
    refused(FLEET MEMBER SEAL "    cert_key: /c\n", "belong together");
    refused(FLEET MEMBER SEAL "    user: u\n", "belong together");
    refused(FLEET MEMBER SEAL "    password_file: /p\n", "belong together");
    refused(FLEET MEMBER SEAL "    lead: 0s\n", "`keys.fleet.lead`");
    refused(FLEET MEMBER SEAL "    settle: 2h\n", "`keys.fleet.settle`");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_members_there_is_no_mover),
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(odd_members_are_refused),
        cmocka_unit_test(without_tls_only_this_host_is_asked),
        cmocka_unit_test(what_belongs_together_is_asked_for),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
