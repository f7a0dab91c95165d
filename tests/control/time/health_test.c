// The verdict on the time source, and when the hook is told of it.
#include "control/time/health.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static const struct health_facts good = {.error_s = 0.01, .error_max_s = 0.1};
static struct health health;

static int begin(void **state)
{
    (void)state;
    health_open(&health, 100 * MS);
    return 0;
}

static void reasons_in_their_order(void **state)
{
    (void)state;
    const struct {
        struct health_facts facts;
        enum health_reason reason;
        const char *word;
    } rows[] = {
        {{.error_s = 0.1, .error_max_s = 0.1}, HEALTH_ERROR, "error"},
        {{.error_s = NAN, .error_max_s = 0.1}, HEALTH_ERROR, "error"},
        {{.error_s = INFINITY, .error_max_s = 0.1}, HEALTH_ERROR, "error"},
        {{.unsynchronised = true, .error_s = 1}, HEALTH_UNSYNCHRONISED, "unsynchronised"},
        {{.stale = true, .unsynchronised = true}, HEALTH_STALE, "stale"},
        {{.contradicted = true, .stale = true, .unsynchronised = true},
         HEALTH_CONTRADICTED,
         "contradicted"},
        {{.stepped = true, .contradicted = true, .stale = true}, HEALTH_STEPPED, "stepped"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(health_judge(&health, &rows[i].facts, 200 * MS + i) || i == 1 || i == 2);
        assert_int_equal(health.reason, rows[i].reason);
        assert_string_equal(health_state_word(&health), "unhealthy");
        assert_string_equal(health_reason_word(&health), rows[i].word);
        assert_int_equal(health.changes, 1); // another reason is no other state
        assert_int_equal(health.since_ns, 200 * MS);
    }
    assert_true(health_judge(&health, &good, 300 * MS));
    assert_false(health_judge(&health, &good, 400 * MS));
    assert_int_equal(health.changes, 2);
    assert_int_equal(health.since_ns, 300 * MS);
    assert_string_equal(health_state_word(&health), "healthy");
    assert_null(health_reason_word(&health));
    assert_false(health_judge(&health, &(struct health_facts){.error_max_s = INFINITY}, 500 * MS));
}

static bool tell(const struct health_facts *facts, uint64_t ms)
{
    health_judge(&health, facts, ms * MS);
    const bool news = health_has_news(&health, ms * MS);
    if (news)
        health_told(&health);
    return news;
}

// At the start the first state that lasts is told; later a fault at once, and its end once it
// lasts.
static void the_hook_is_told_once_a_change(void **state)
{
    (void)state;
    const struct health_facts bad = {.stale = true}, other = {.contradicted = true};
    assert_false(tell(&bad, 150)); // nothing has been heard yet
    assert_false(tell(&good, 200));
    assert_false(tell(&good, 200 + HEALTH_CALM_MS - 1));
    assert_true(tell(&good, 200 + HEALTH_CALM_MS));
    assert_false(tell(&good, 5000));
    assert_true(tell(&bad, 5050));
    assert_false(tell(&other, 5100));
    assert_false(tell(&good, 6000));
    assert_false(tell(&bad, 7000)); // it did not last: nothing has changed
    assert_false(tell(&good, 7050));
    assert_false(tell(&good, 7050 + HEALTH_CALM_MS - 1));
    assert_true(tell(&good, 7050 + HEALTH_CALM_MS));
    assert_false(tell(&good, 100000));
}

static void a_start_without_a_source_is_told(void **state)
{
    (void)state;
    const struct health_facts bad = {.stale = true};
    assert_false(tell(&bad, 100));
    assert_true(tell(&bad, 100 + HEALTH_CALM_MS));
    assert_false(tell(&bad, 10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reasons_in_their_order, begin),
        cmocka_unit_test_setup(the_hook_is_told_once_a_change, begin),
        cmocka_unit_test_setup(a_start_without_a_source_is_told, begin),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/time/health", tests, NULL, NULL);
}
