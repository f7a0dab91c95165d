// What the log says of certificates that expire, day by day (F14).
#include "control/ke/ke_expiry.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 86400, HOUR_S = 3600 };

static const int64_t end_s = 2000000000;
static struct board_ke *board;
static struct ke_expiry expiry;

static void serve(uint32_t i, int64_t expires_s)
{
    struct board_certificate c = {.expires_s = expires_s};
    snprintf(c.chain, sizeof c.chain, "%c.pem", (int)('a' + i));
    snapshot_publish(&board->certificate[i], &c, sizeof c);
    if (board->n_certificates <= i)
        board->n_certificates = i + 1;
}

static int begin(void **state)
{
    (void)state;
    board = calloc(1, sizeof *board);
    expiry = (struct ke_expiry){0};
    return board == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    free(board);
    return 0;
}

// What is said at a look, without the program's name.
static const char *look(int64_t now_s)
{
    static char text[2048];
    const int real = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);

    dup2(file, STDERR_FILENO);
    ke_expiry_look(&expiry, board, now_s);
    dup2(real, STDERR_FILENO);
    const ssize_t n = pread(file, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    close(file);
    close(real);
    return text;
}

static void day_by_day(void **state)
{
    (void)state;
    char said[2048] = "";
    serve(0, end_s);
    for (int64_t now = end_s - 60 * DAY_S; now < end_s + 2 * DAY_S; now += HOUR_S) {
        const char *text = look(now);
        if (text[0] == '\0')
            continue;
        const char *days = strstr(text, "expires in ");
        char line[64];
        snprintf(line, sizeof line, "%s %d\n", strstr(text, "error") ? "error" : "warning",
                 days ? atoi(days + 11) : -1);
        strcat(said, line);
        assert_non_null(strstr(text, "a.pem: "));
    }
    assert_string_equal(said, "warning 29\nwarning 13\nerror 6\nerror 5\nerror 4\nerror 3\n"
                              "error 2\nerror 1\nerror 0\nerror -1\nerror -1\n");
}

// The start has said what was near then; the next step is news.
static void what_was_near_at_the_start(void **state)
{
    (void)state;
    serve(0, end_s);
    serve(1, end_s + 90 * DAY_S);
    assert_string_equal(look(end_s - 10 * DAY_S), "");
    assert_string_equal(look(end_s - 7 * DAY_S), "");
    assert_non_null(strstr(look(end_s - 7 * DAY_S + 1), "a.pem: expires in 6 days"));
}

static void a_renewed_one_begins_anew(void **state)
{
    (void)state;
    serve(0, end_s);
    look(end_s - 40 * DAY_S);
    assert_non_null(strstr(look(end_s - DAY_S), "expires in 1 days"));
    serve(0, end_s + 90 * DAY_S);
    assert_string_equal(look(end_s), "");
    assert_non_null(strstr(look(end_s + 80 * DAY_S), "expires in 10 days"));
    serve(0, end_s + 85 * DAY_S); // a short one: the reload has said that
    assert_string_equal(look(end_s + 80 * DAY_S), "");
}

// This machine's clock may be wrong at its start.
static void clocks_that_step(void **state)
{
    (void)state;
    serve(0, end_s);
    look(end_s - 40 * DAY_S);
    assert_string_not_equal(look(end_s - 14 * DAY_S + 1), "");
    for (int i = 0; i < 3; i++) {
        assert_string_equal(look(end_s - 14 * DAY_S - 1), "");
        assert_string_equal(look(end_s - 14 * DAY_S + 1), "");
    }
    assert_non_null(strstr(look(end_s + 9 * DAY_S), "HAS EXPIRED"));
    assert_string_equal(look(end_s - 50 * DAY_S), "");
    assert_non_null(strstr(look(end_s - 29 * DAY_S), "expires in 29 days"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(day_by_day, begin, end),
        cmocka_unit_test_setup_teardown(what_was_near_at_the_start, begin, end),
        cmocka_unit_test_setup_teardown(a_renewed_one_begins_anew, begin, end),
        cmocka_unit_test_setup_teardown(clocks_that_step, begin, end),
    };
    log_open("ke_expiry_test");
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_expiry", tests, NULL, NULL);
}
