// Which document a node takes, when it appends a span, and which.
#include "etcd/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { S = 1000000000, DAY = 86400, T = 1800000000 };

static struct fleet_document document(uint64_t serial, uint32_t n, int64_t from_s, int64_t length_s)
{
    struct fleet_document d = {.serial = serial, .rotate_s = DAY, .n_spans = n};
    for (uint32_t i = 0; i < n; i++) {
        d.span[i].from_s = from_s + i * length_s;
        d.span[i].until_s = from_s + (i + 1) * length_s;
        d.span[i].secret[0] = (uint8_t)(i + 1);
    }
    return d;
}

static void the_serial_number_decides(void **state)
{
    (void)state;
    const struct fleet_document present = document(5, 2, T, DAY);
    struct fleet_document offered = present;
    assert_int_equal(step_judge(NULL, &offered), STEP_NEW);
    assert_int_equal(step_judge(&present, &offered), STEP_SAME);
    offered.serial = 6;
    assert_int_equal(step_judge(&present, &offered), STEP_NEW);
    offered.serial = 4;
    assert_int_equal(step_judge(&present, &offered), STEP_OLDER);
}

static void one_serial_number_has_one_document(void **state)
{
    (void)state;
    const struct fleet_document present = document(5, 2, T, DAY);
    struct fleet_document offered = present;
    offered.span[1].secret[31] ^= 1;
    assert_int_equal(step_judge(&present, &offered), STEP_OTHER);
    offered = present;
    offered.n_spans = 1;
    assert_int_equal(step_judge(&present, &offered), STEP_OTHER);
    offered = present;
    offered.span[1].until_s++;
    assert_int_equal(step_judge(&present, &offered), STEP_OTHER);
    offered = present;
    offered.revoked[offered.n_revoked++] = 7;
    assert_int_equal(step_judge(&present, &offered), STEP_OTHER);
    offered = present;
    offered.rotate_s++;
    assert_int_equal(step_judge(&present, &offered), STEP_OTHER);
}

static struct step_facts due(void)
{
    return (struct step_facts){.now_ns = 100ULL * S,
                               .read_due_ns = 101ULL * S,
                               .utc_s = T,
                               .synchronised = true,
                               .held = true,
                               .unchanged_ns = 40ULL * S,
                               .until_s = T + 13 * DAY,
                               .lead_s = 14 * DAY,
                               .settle_s = 60};
}

static void a_span_is_appended_when_all_is_given(void **state)
{
    (void)state;
    struct step_facts f = due();
    assert_int_equal(step_next(&f), STEP_APPEND);
    f.until_s = T + 14 * DAY; // enough future
    assert_int_equal(step_next(&f), STEP_WAIT);
    f = due();
    f.until_s = T - DAY; // the spans have ended
    assert_int_equal(step_next(&f), STEP_APPEND);
    f = due();
    f.unchanged_ns = 40ULL * S + 1; // not a minute yet
    assert_int_equal(step_next(&f), STEP_WAIT);
    f = due();
    f.synchronised = false;
    assert_int_equal(step_next(&f), STEP_WAIT);
    f = due();
    f.held = false; // etcd has another document, or none: that is for a person
    assert_int_equal(step_next(&f), STEP_WAIT);
}

static void a_read_is_due_at_its_time(void **state)
{
    (void)state;
    struct step_facts f = due();
    f.synchronised = false;
    f.now_ns = f.read_due_ns - 1;
    assert_int_equal(step_next(&f), STEP_WAIT);
    f.now_ns = f.read_due_ns;
    assert_int_equal(step_next(&f), STEP_READ);
}

static void the_next_span_follows_the_last_one(void **state)
{
    (void)state;
    const struct fleet_document present = document(5, 2, T, 30 * DAY);
    struct fleet_document next, again;
    struct fleet_error error;
    const char *why = NULL;
    assert_true(step_append(&present, T + 50 * DAY, 14 * DAY, &next, &why));
    assert_true(fleet_document_sound(&next, &error));
    assert_true(next.serial == 6 && next.n_spans == 3);
    assert_true(next.span[2].from_s == T + 60 * DAY && next.span[2].until_s == T + 90 * DAY);
    assert_memory_equal(&next.span[0], &present.span[0], 2 * sizeof next.span[0]);
    assert_true(step_append(&present, T + 50 * DAY, 14 * DAY, &again, &why));
    assert_memory_not_equal(next.span[2].secret, again.span[2].secret, FLEET_SECRET_LEN);
    static const uint8_t zeros[FLEET_SECRET_LEN];
    assert_memory_not_equal(next.span[2].secret, zeros, FLEET_SECRET_LEN);
}

// Spans that are shorter than the lead, and spans that ended long ago: there is no gap.
static void as_many_as_the_lead_wants_but_not_endless(void **state)
{
    (void)state;
    const struct fleet_document present = document(5, 2, T, DAY);
    struct fleet_document next;
    struct fleet_error error;
    const char *why = NULL;
    assert_true(step_append(&present, T + 3 * DAY, 2 * DAY, &next, &why));
    assert_true(fleet_document_sound(&next, &error));
    assert_int_equal(next.n_spans, 5);
    assert_true(next.span[4].until_s == T + 5 * DAY);
    assert_memory_not_equal(next.span[3].secret, next.span[4].secret, FLEET_SECRET_LEN);
    assert_true(step_append(&present, T + 1000 * DAY, 2 * DAY, &next, &why));
    assert_true(fleet_document_sound(&next, &error));
    assert_int_equal(next.n_spans, 2 + STEP_APPEND_MOST);
}

static void old_spans_leave_but_not_by_the_clock_alone(void **state)
{
    (void)state;
    struct fleet_document present = document(5, STEP_SPANS_KEPT + 3, T, 10 * DAY), next;
    const char *why = NULL;
    const int64_t end_s = T + (STEP_SPANS_KEPT + 3) * 10 * DAY;
    assert_true(step_append(&present, end_s - DAY, 2 * DAY, &next, &why));
    assert_int_equal(next.n_spans, STEP_SPANS_KEPT + 1); // with the new one
    assert_true(next.span[0].from_s == T + 30 * DAY);
    // A clock that is years ahead: no more than these go.
    assert_true(step_append(&present, end_s + 1000 * DAY, DAY, &next, &why));
    assert_int_equal(next.n_spans, STEP_SPANS_KEPT + STEP_APPEND_MOST);
    // Spans from which some node may still have keys stay, however many they are.
    present = document(5, FLEET_SPANS_MAX, T, DAY);
    assert_false(step_append(&present, T, 1000 * DAY, &next, &why));
    assert_non_null(why);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_serial_number_decides),
        cmocka_unit_test(one_serial_number_has_one_document),
        cmocka_unit_test(a_span_is_appended_when_all_is_given),
        cmocka_unit_test(a_read_is_due_at_its_time),
        cmocka_unit_test(the_next_span_follows_the_last_one),
        cmocka_unit_test(as_many_as_the_lead_wants_but_not_endless),
        cmocka_unit_test(old_spans_leave_but_not_by_the_clock_alone),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
