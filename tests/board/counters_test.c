// The counters' table: status, documents and metrics read it, so every outcome is in it, once.
#include "board/counters.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// P8: every outcome has a counter with a name of its own.
static void every_outcome_has_text(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOMES; i++) {
        assert_non_null(outcome_text[i].name);
        assert_non_null(outcome_text[i].help);
        assert_true(strlen(outcome_text[i].help) > 10);
        for (const char *c = outcome_text[i].name; *c != '\0'; c++)
            assert_true(islower((unsigned char)*c) || *c == '_');
        for (int j = 0; j < i; j++)
            assert_string_not_equal(outcome_text[i].name, outcome_text[j].name);
    }
}

static void names_say_answered_or_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOMES; i++) {
        const char *prefix = i <= ANSWERED_NAK ? "answered_" : "dropped_";
        assert_int_equal(strncmp(outcome_text[i].name, prefix, strlen(prefix)), 0);
    }
}

static void counter_add_adds(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 40;
    counter_add(&counter, 2);
    assert_int_equal(atomic_load(&counter), 42);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_has_text),
        cmocka_unit_test(names_say_answered_or_dropped),
        cmocka_unit_test(counter_add_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
