// A reload in the dataplane: the packets' policy changes when it is decided, and not before.
#include "dataplane/settings.h"

#include "base/log.h"
#include "tests/config/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define WITH_ID(id)                                                                                \
    "dataplane: {cores: [1], ports: [{interface: eth0}], instance_id: " id                         \
    "}\n" VALID_CONTROL VALID_TIME

static struct config *config;
static struct policy_place place;
static struct settings settings;
static struct child_reload *reload;

static int begin(void **state)
{
    struct config_error error;
    (void)state;
    if (load_text(VALID, &config, &error) != 0)
        return -1;
    policy_publish(&place, settings_policy(config));
    settings_open(&settings, config, &place);
    reload = &settings.reload;
    return 0;
}

static int end(void **state)
{
    (void)state;
    settings_close(&settings);
    policy_close(&place);
    config_free(config);
    return 0;
}

static int prepare(const char *text, char why[256])
{
    struct link_message message = {.type = LINK_RELOAD, .id = 1, .n = 1};
    message.fd[0] = memfd_create("config", MFD_CLOEXEC);
    assert_int_equal(write(message.fd[0], text, strlen(text)), strlen(text));
    lseek(message.fd[0], 0, SEEK_SET);
    const int result = reload->prepare(reload->self, &message, why, 256);
    link_close_descriptors(&message);
    return result;
}

static const struct policy *now(void)
{
    return atomic_load(&place.now);
}

static void the_policy_changes_with_the_decision(void **state)
{
    (void)state;
    char why[256];
    const struct policy *before = now();
    assert_int_equal(prepare(VALID "  on_unhealthy: silent\n", why), 0);
    assert_ptr_equal(now(), before);
    assert_int_equal(config->time.on_unhealthy, UNHEALTHY_MARK);
    reload->commit(reload->self);
    assert_ptr_not_equal(now(), before);
    assert_true(now()->silent_unless_synchronised);
    assert_int_equal(config->time.on_unhealthy, UNHEALTHY_SILENT);
    assert_false(before->silent_unless_synchronised); // still there for the cores that hold it
}

static void the_instance_gets_another_name(void **state)
{
    (void)state;
    char why[256];
    static const uint8_t name[FIELD_INSTANCE_ID_LEN] = "ams-3";
    assert_false(now()->has_instance_id);
    assert_int_equal(prepare(WITH_ID("ams-3"), why), 0);
    reload->commit(reload->self);
    assert_true(now()->has_instance_id);
    assert_memory_equal(now()->instance_id, name, sizeof name);
    assert_int_equal(prepare(WITH_ID("0123456789abcdef0123456789abcdef"), why), 0);
    reload->commit(reload->self);
    assert_memory_equal(now()->instance_id, "0123456789abcdef0123456789abcdef", 32);
    assert_int_equal(prepare(WITH_ID("0123456789abcdef0123456789abcdefg"), why), -EINVAL);
    assert_int_equal(prepare(VALID, why), 0);
    reload->commit(reload->self);
    assert_false(now()->has_instance_id);
}

static void what_is_cancelled_leaves_nothing(void **state)
{
    (void)state;
    char why[256];
    const struct policy *before = now();
    assert_int_equal(prepare(VALID "  on_unhealthy: silent\n", why), 0);
    reload->cancel(reload->self);
    assert_ptr_equal(now(), before);
    assert_int_equal(config->time.on_unhealthy, UNHEALTHY_MARK);
    assert_null(settings.fresh);
    assert_null(settings.entry);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    char why[256] = "";
    const struct policy *before = now();
    assert_int_equal(prepare(VALID "  on_unhealthy: maybe\n", why), -EINVAL);
    assert_non_null(strstr(why, "time.on_unhealthy"));
    assert_ptr_equal(now(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_policy_changes_with_the_decision, begin, end),
        cmocka_unit_test_setup_teardown(what_is_cancelled_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(the_instance_gets_another_name, begin, end),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_refused, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("dataplane/settings", tests, NULL, NULL);
}
