// Which keys of a fleet's document are in use at a time: over years and spans, at the ends, with
// revocations, and with a clock that jumps or cannot be trusted. CK-5, CK-6, F6.
#include "control/keys/fleet_step.h"
#include "fleet/derive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)
enum {
    DAY_S = 86400,
    FIRST = 20788,
    SPANS = 24,
    SPAN_DAYS = 30,
    LAST = FIRST + SPANS * SPAN_DAYS - 1
};

// A node with its set.
struct node {
    struct fleet_steps steps;
    struct key_set set;
    uint32_t keep;
};

static struct fleet_document doc;

static int make_document(void **state)
{
    (void)state;
    doc = (struct fleet_document){.serial = 1, .rotate_s = DAY_S, .n_spans = SPANS};
    for (unsigned i = 0; i < SPANS; i++) {
        doc.span[i].from_s = (int64_t)(FIRST + i * SPAN_DAYS) * DAY_S;
        doc.span[i].until_s = doc.span[i].from_s + SPAN_DAYS * DAY_S;
        memset(doc.span[i].secret, (int)i + 1, FLEET_SECRET_LEN);
    }
    return 0;
}

static bool step(struct node *node, int64_t utc_s, bool fresh, bool synchronised)
{
    bool failed;
    const struct fleet_time time = {
        .utc_ns = utc_s * S, .now_ns = utc_s * S - 5 * S, .synchronised = synchronised};
    const bool changed =
        fleet_step(&node->steps, &doc, fresh, node->keep, &time, &node->set, &failed);
    assert_false(failed);
    assert_true(node->set.n == 0 || key_set_sound(&node->set));
    return changed;
}

static bool at(struct node *node, int64_t period)
{
    return step(node, period * DAY_S, false, true);
}

static uint32_t id_of(int64_t period)
{
    uint32_t id;
    assert_true(fleet_derive_id(&doc, period, &id));
    return id;
}

static bool has(const struct node *node, int64_t period)
{
    for (uint32_t i = 0; i < node->set.n; i++)
        if (node->set.key[i].id == id_of(period))
            return true;
    return false;
}

static void seals(const struct node *node, int64_t current, int64_t future)
{
    assert_int_equal(node->set.key[KEY_CURRENT].id, id_of(current));
    assert_int_equal(node->set.key[KEY_FUTURE].id, id_of(future));
}

// Two years, hour by hour: one change a day, at its beginning; a node that starts at any time has
// the set of one that was always there.
static void sets_follow_the_clock_over_years(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    for (int64_t hour = FIRST * 24; hour < (LAST + 1) * 24; hour++) {
        const int64_t day = hour / 24;
        assert_int_equal(step(&node, hour * 3600, false, true), hour % 24 == 0);
        seals(&node, day, day + 1);
        const int64_t old = day - FIRST < 3 ? day - FIRST : 3;
        assert_int_equal(node.set.n, 2 + old);
        for (int64_t p = day - old; p <= day; p++)
            assert_true(has(&node, p));
        if (hour % 12 != 0)
            continue;
        struct node fresh = {.keep = 3};
        assert_true(step(&fresh, hour * 3600, true, true));
        fresh.set.key[KEY_CURRENT].made_ns = node.set.key[KEY_CURRENT].made_ns;
        for (uint32_t i = 0; i < node.set.n; i++) {
            assert_int_equal(fresh.set.key[i].id, node.set.key[i].id);
            assert_memory_equal(fresh.set.key[i].secret, node.set.key[i].secret, COOKIE_KEY_LEN);
        }
    }
}

static void ages_count_from_the_publication(void **state)
{
    (void)state;
    struct node node = {.keep = 2};
    const int64_t now_s = (int64_t)(FIRST + 9) * DAY_S + 100;
    step(&node, now_s, true, true);
    const int64_t now_ns = now_s * S - 5 * S; // of step()
    assert_int_equal(now_ns - node.set.key[KEY_CURRENT].made_ns, (DAY_S + 100) * S);
    assert_int_equal(now_ns - node.set.key[KEY_FUTURE].made_ns, 100 * S);
    assert_int_equal(now_ns - node.set.key[KEY_OLD].made_ns, (2 * DAY_S + 100) * S);
}

static void the_next_change_is_known(void **state)
{
    (void)state;
    struct node node = {.keep = 2};
    at(&node, FIRST + 5);
    assert_int_equal(fleet_step_due(&node.steps, &doc), (int64_t)(FIRST + 6) * DAY_S * S);
    at(&node, LAST);
    assert_int_equal(fleet_step_due(&node.steps, &doc), INT64_MAX);
}

static void the_first_and_the_last_key_are_frozen(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    at(&node, FIRST - 400);
    seals(&node, FIRST, FIRST + 1);
    assert_int_equal(node.set.n, 2);
    struct node late = {.keep = 3};
    at(&late, LAST + 400);
    seals(&late, LAST, LAST + 1);
    assert_int_equal(late.set.n, 5);
    assert_false(at(&late, LAST + 800));
    step(&node, -5, true, true); // a clock before 1970
    seals(&node, FIRST, FIRST + 1);
}

// F5: a key that no set has any more is not left beside the sets.
static void nothing_is_kept(const struct node *node)
{
    static const struct key none;
    assert_memory_equal(node->steps.kept.secret, none.secret, sizeof none.secret);
}

// A document that comes 40 days after the end of the last one: the frozen key sealed until then.
static void the_frozen_key_opens_after_a_new_document(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    doc.n_spans--;
    const int64_t last = LAST - SPAN_DAYS;
    at(&node, last);
    assert_false(at(&node, last + 20));
    doc.n_spans++;
    assert_true(step(&node, (last + 20) * (int64_t)DAY_S, true, true));
    seals(&node, last + 20, last + 21);
    for (int64_t p = last + 20; p < last + 23; p++) {
        at(&node, p);
        assert_true(has(&node, last));
        assert_int_equal(node.set.n, 2 + 3 + 1);
    }
    at(&node, last + 23); // `keep` periods later
    assert_false(has(&node, last));
    nothing_is_kept(&node);
    assert_int_equal(node.set.n, 2 + 3);
}

// With the most old ones there is no place left: it takes that of the oldest.
static void the_sealing_key_is_kept_in_a_full_set(void **state)
{
    (void)state;
    struct node node = {.keep = 6};
    at(&node, FIRST + 50);
    assert_int_equal(node.set.n, KEY_SET_MAX);
    at(&node, FIRST + 100);
    assert_int_equal(node.set.n, KEY_SET_MAX);
    assert_true(has(&node, FIRST + 50));
    assert_false(has(&node, FIRST + 94));
    assert_true(has(&node, FIRST + 95));
}

// F6: a clock that cannot be trusted changes nothing, however it jumps.
static void an_unsynchronised_node_keeps_its_period(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    at(&node, FIRST + 50);
    assert_false(step(&node, 0, false, false));
    assert_false(step(&node, (FIRST + 51) * (int64_t)DAY_S, false, false));
    assert_false(step(&node, (FIRST + 500) * (int64_t)DAY_S, false, false));
    seals(&node, FIRST + 50, FIRST + 51);
    // A new document is taken all the same.
    doc.revoked[doc.n_revoked++] = id_of(FIRST + 49);
    assert_true(step(&node, 0, true, false));
    seals(&node, FIRST + 50, FIRST + 51);
    assert_false(has(&node, FIRST + 49));
    assert_true(has(&node, FIRST + 48));
    assert_true(at(&node, FIRST + 52));
    seals(&node, FIRST + 52, FIRST + 53);
    // Its clock was wrong until now, and it was trusted: what it sealed stays.
    assert_true(at(&node, FIRST + 10));
    seals(&node, FIRST + 10, FIRST + 11);
    assert_true(has(&node, FIRST + 52));
}

// F6: a step of the clock changes nothing until the time source has had a second to judge it.
static void a_step_of_the_clock_waits_to_be_judged(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    bool failed;
    at(&node, FIRST + 50);
    struct fleet_time time = {.utc_ns = (FIRST + 51) * (int64_t)DAY_S * S,
                              .now_ns = (FIRST + 50) * (int64_t)DAY_S * S,
                              .synchronised = true};
    for (int i = 0; i < 10; i++, time.utc_ns += S / 10, time.now_ns += S / 10)
        assert_false(fleet_step(&node.steps, &doc, false, 3, &time, &node.set, &failed));
    assert_true(fleet_step(&node.steps, &doc, false, 3, &time, &node.set, &failed));
    seals(&node, FIRST + 51, FIRST + 52);
    time.utc_ns -= (int64_t)DAY_S * S; // back
    assert_false(fleet_step(&node.steps, &doc, false, 3, &time, &node.set, &failed));
    time.utc_ns += S / 4; // slewed, quickly
    assert_false(fleet_step(&node.steps, &doc, false, 3, &time, &node.set, &failed));
    time.utc_ns += S;
    time.now_ns += S;
    assert_true(fleet_step(&node.steps, &doc, false, 3, &time, &node.set, &failed));
    seals(&node, FIRST + 50, FIRST + 51);
}

static void a_revoked_key_is_in_no_set(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    at(&node, FIRST + 50);
    doc.revoked[doc.n_revoked++] = id_of(FIRST + 50);
    doc.revoked[doc.n_revoked++] = id_of(FIRST + 52);
    assert_true(step(&node, (FIRST + 50) * (int64_t)DAY_S, true, true));
    seals(&node, FIRST + 51, FIRST + 53); // the next ones, which all nodes have
    for (int64_t p = FIRST + 50; p < FIRST + 56; p++) {
        at(&node, p);
        assert_false(has(&node, FIRST + 50));
        assert_false(has(&node, FIRST + 52));
    }
    // Not as the key that sealed before a jump either.
    at(&node, FIRST + 60);
    at(&node, FIRST + 100);
    assert_true(has(&node, FIRST + 60));
    doc.revoked[doc.n_revoked++] = id_of(FIRST + 60);
    step(&node, (FIRST + 100) * (int64_t)DAY_S, true, true);
    assert_false(has(&node, FIRST + 60));
    nothing_is_kept(&node);
    // All that is left of the document.
    for (int64_t p = LAST - 3; p <= LAST; p++)
        doc.revoked[doc.n_revoked++] = id_of(p);
    at(&node, LAST);
    seals(&node, LAST + 1, LAST + 2);
}

// Before and after the keys of the set, without one between them.
static void hints_are_of_the_neighbours(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    struct key_hints_record hints;
    at(&node, FIRST + 50);
    assert_true(fleet_step_hints(&node.steps, &doc, &hints));
    for (int64_t p = FIRST + 50 - 3; p <= FIRST + 51; p++)
        assert_int_equal(key_hints_find(&hints, id_of(p)), KEY_HINT_NONE);
    for (int64_t i = 0; i < KEY_HINT_IDS; i++) {
        assert_int_equal(key_hints_find(&hints, id_of(FIRST + 52 + i)), KEY_HINT_FUTURE);
        assert_int_equal(key_hints_find(&hints, id_of(FIRST + 46 - i)), KEY_HINT_EXPIRED);
    }
    assert_int_equal(key_hints_find(&hints, id_of(FIRST + 52 + KEY_HINT_IDS)), KEY_HINT_NONE);
    hints.n[KEY_HINT_FUTURE] = KEY_HINT_IDS + 1; // out of range
    assert_int_equal(key_hints_find(&hints, id_of(FIRST + 52)), KEY_HINT_NONE);
}

static void keep_may_change(void **state)
{
    (void)state;
    struct node node = {.keep = 3};
    at(&node, FIRST + 50);
    node.keep = 1;
    assert_true(at(&node, FIRST + 50));
    assert_int_equal(node.set.n, 3);
    node.keep = 99;
    assert_true(at(&node, FIRST + 50));
    assert_int_equal(node.set.n, KEY_SET_MAX);
    node.keep = 0;
    assert_true(at(&node, FIRST + 50));
    assert_int_equal(node.set.n, 2);
    at(&node, FIRST + 90); // nothing old is kept
    assert_int_equal(node.set.n, 2);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sets_follow_the_clock_over_years, make_document),
        cmocka_unit_test_setup(ages_count_from_the_publication, make_document),
        cmocka_unit_test_setup(the_next_change_is_known, make_document),
        cmocka_unit_test_setup(the_first_and_the_last_key_are_frozen, make_document),
        cmocka_unit_test_setup(the_frozen_key_opens_after_a_new_document, make_document),
        cmocka_unit_test_setup(the_sealing_key_is_kept_in_a_full_set, make_document),
        cmocka_unit_test_setup(an_unsynchronised_node_keeps_its_period, make_document),
        cmocka_unit_test_setup(a_step_of_the_clock_waits_to_be_judged, make_document),
        cmocka_unit_test_setup(a_revoked_key_is_in_no_set, make_document),
        cmocka_unit_test_setup(hints_are_of_the_neighbours, make_document),
        cmocka_unit_test_setup(keep_may_change, make_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
