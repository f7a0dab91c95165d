// When changed certificates are looked at: after a rest, again after a refusal, and with one alarm
// for one fault (F14).
#include "supervisor/renewal.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

// What the log says of an end.
static const char *end_with(struct renewal *r, enum renewal_result result)
{
    static char text[2048];
    const int real = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);

    dup2(file, STDERR_FILENO);
    renewal_end(r, result, "why");
    dup2(real, STDERR_FILENO);
    const ssize_t n = pread(file, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    close(file);
    close(real);
    return text;
}

static void nothing_without_a_change(void **state)
{
    (void)state;
    struct renewal r = {0};
    for (uint64_t now = 0; now < 10000000; now += 1000)
        assert_false(renewal_due(&r, 0, now));
}

static void a_change_is_looked_at_once_it_rests(void **state)
{
    (void)state;
    struct renewal r = {0};
    assert_false(renewal_due(&r, 1, 1000));
    assert_false(renewal_due(&r, 1, 1000 + RENEWAL_REST_MS - 1));
    assert_false(renewal_due(&r, 2, 1000 + RENEWAL_REST_MS)); // the key, after the chain
    assert_false(renewal_due(&r, 2, 1000 + 2 * RENEWAL_REST_MS - 1));
    assert_true(renewal_due(&r, 2, 1000 + 2 * RENEWAL_REST_MS));
    assert_false(renewal_due(&r, 2, 1000000)); // it is under way
    assert_string_equal(end_with(&r, RENEWAL_DONE), "");
    assert_false(renewal_due(&r, 2, 100000000));
}

// What changes while the files are looked at may have been missed.
static void a_change_meanwhile_counts_afterwards(void **state)
{
    (void)state;
    struct renewal r = {0};
    renewal_due(&r, 1, 0);
    assert_true(renewal_due(&r, 1, RENEWAL_REST_MS));
    assert_false(renewal_due(&r, 2, 5000));
    end_with(&r, RENEWAL_DONE);
    assert_false(renewal_due(&r, 2, 6000));
    assert_true(renewal_due(&r, 2, 6000 + RENEWAL_REST_MS));
}

static void the_first_refusal_is_no_alarm(void **state)
{
    (void)state;
    static const uint32_t pauses_s[] = {10, 60, 600, 3600, 3600, 3600};
    struct renewal r = {0};
    uint64_t now = RENEWAL_REST_MS;
    renewal_due(&r, 1, 0);
    assert_true(renewal_due(&r, 1, now));
    for (int i = 0; i < 6; i++) {
        const char *said = end_with(&r, RENEWAL_REFUSED);
        assert_int_equal(strstr(said, "error: ") != NULL, i > 0);
        assert_non_null(strstr(said, "why"));
        char pause[16];
        snprintf(pause, sizeof pause, "in %u s", pauses_s[i]);
        assert_non_null(strstr(said, pause));
        assert_false(renewal_due(&r, 1, now));
        assert_false(renewal_due(&r, 1, now + pauses_s[i] * 1000 - 1));
        now += pauses_s[i] * 1000;
        assert_true(renewal_due(&r, 1, now));
    }
    end_with(&r, RENEWAL_REFUSED);
    // Other files begin anew.
    assert_false(renewal_due(&r, 2, now));
    assert_true(renewal_due(&r, 2, now + RENEWAL_REST_MS));
    assert_null(strstr(end_with(&r, RENEWAL_REFUSED), "error: "));
}

// Another reload was under way: no refusal.
static void what_is_busy_is_tried_again(void **state)
{
    (void)state;
    struct renewal r = {0};
    renewal_due(&r, 1, 0);
    assert_true(renewal_due(&r, 1, RENEWAL_REST_MS));
    assert_string_equal(end_with(&r, RENEWAL_BUSY), "");
    assert_false(renewal_due(&r, 1, RENEWAL_REST_MS));
    assert_true(renewal_due(&r, 1, RENEWAL_REST_MS + 1000));
    assert_null(strstr(end_with(&r, RENEWAL_REFUSED), "error: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_without_a_change),
        cmocka_unit_test(a_change_is_looked_at_once_it_rests),
        cmocka_unit_test(a_change_meanwhile_counts_afterwards),
        cmocka_unit_test(the_first_refusal_is_no_alarm),
        cmocka_unit_test(what_is_busy_is_tried_again),
    };
    log_open("renewal_test");
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/renewal", tests, NULL, NULL);
}
