// The verdict of a health check, by what came back.
#include "perf/check/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct check_plan plan = {.warning_days = 14, .critical_days = 3};

// A server that is well.
static struct check_result well(void)
{
    struct check_result r = {
        .ke = {.granted = true, .days = 60, .subject = "ntp.test", .n_cookies = 8},
        .ntp = {.address = "192.0.2.1", .port = 123},
    };
    for (unsigned i = 0; i < CHECK_EXCHANGES; i++)
        r.ntp.exchange[i] = (struct check_exchange){.reply = CHECK_REPLY_TIME,
                                                    .asked = i + 1,
                                                    .n_cookies = i + 1,
                                                    .delay_ns = 5000 - i,
                                                    .offset_ns = -2000000,
                                                    .stratum = 1};
    r.ntp.spoiled.reply = CHECK_REPLY_NAK;
    r.ntp.plain.reply = CHECK_REPLY_TIME;
    return r;
}

static void expect(const struct check_plan *p, const struct check_result *r, enum check_level level,
                   const char *words)
{
    struct check_findings f;
    assert_int_equal(check_judge(p, r, &f), level);
    assert_int_equal(f.n == 0, level == CHECK_OK);
    if (words && (f.n == 0 || !strstr(f.finding[0].text, words)))
        fail_msg("'%s' does not say '%s'", f.n ? f.finding[0].text : "nothing", words);
}

static void a_server_that_is_well(void **state)
{
    (void)state;
    struct check_result r = well();
    expect(&plan, &r, CHECK_OK, NULL);
    // Silence to a spoiled cookie, and to plain NTP, is permitted.
    r.ntp.spoiled.reply = r.ntp.plain.reply = CHECK_REPLY_NONE;
    expect(&plan, &r, CHECK_OK, NULL);
    assert_ptr_equal(check_best(&r.ntp), &r.ntp.exchange[2]);
}

static void days_of_the_certificate(void **state)
{
    (void)state;
    struct check_result r = well();
    r.ke.days = 14;
    expect(&plan, &r, CHECK_OK, NULL);
    r.ke.days = 13.9;
    expect(&plan, &r, CHECK_WARNING, "ntp.test expires in 13.9 days");
    r.ke.days = 2.9;
    expect(&plan, &r, CHECK_CRITICAL, "expires");
}

static void ke_that_fails(void **state)
{
    (void)state;
    struct check_result r = {.ke = {.fault = "connection | refused"}};
    expect(&plan, &r, CHECK_CRITICAL, "NTS-KE failed: connection / refused");
    r.ke.unknown = true;
    expect(&plan, &r, CHECK_UNKNOWN, NULL);
}

static void replies_that_fail(void **state)
{
    (void)state;
    static const struct {
        enum check_reply reply;
        const char *words;
    } all[] = {
        {CHECK_REPLY_NONE, "firewall block"},        {CHECK_REPLY_NAK, "share their cookie keys"},
        {CHECK_REPLY_KISS, "refuses this client"},   {CHECK_REPLY_WRONG, "wrong"},
        {CHECK_REPLY_REFUSED, "no process listens"}, {CHECK_REPLY_NOT_SENT, "cannot send"}};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct check_result r = well();
        for (unsigned e = 0; e < CHECK_EXCHANGES; e++)
            r.ntp.exchange[e].reply = e == 0 ? all[i].reply : CHECK_REPLY_SKIPPED;
        r.ntp.plain.reply = CHECK_REPLY_NONE;
        expect(&plan, &r, CHECK_CRITICAL, all[i].words);
    }
    struct check_result r = well();
    for (unsigned e = 0; e < CHECK_EXCHANGES; e++)
        r.ntp.exchange[e].reply = CHECK_REPLY_NONE;
    expect(&plan, &r, CHECK_CRITICAL, "longer than 48 octets");
    r = well();
    r.ntp.exchange[1].reply = CHECK_REPLY_NONE;
    expect(&plan, &r, CHECK_WARNING, "1 of 3 NTS requests had no reply");
    r.ntp.exchange[2].reply = CHECK_REPLY_WRONG;
    expect(&plan, &r, CHECK_CRITICAL, "wrong");
    r = well();
    r.ntp.exchange[2].n_cookies = 1;
    expect(&plan, &r, CHECK_WARNING, "3 cookies were asked for and 1 came");
    r = well();
    r.ntp.spoiled.reply = CHECK_REPLY_TIME;
    expect(&plan, &r, CHECK_CRITICAL, "spoiled cookie was answered with a time");
}

static void clocks_that_are_wrong(void **state)
{
    (void)state;
    struct check_result r = well();
    struct check_plan p = plan;
    p.max_offset_ns = 2000000;
    expect(&p, &r, CHECK_OK, NULL);
    p.max_offset_ns = 1999999;
    expect(&p, &r, CHECK_CRITICAL, "offset is -2.00 ms");
    r.ntp.exchange[2].root_delay_ns = 2000000000;
    r.ntp.exchange[2].root_dispersion_ns = 600000000;
    expect(&plan, &r, CHECK_WARNING, "root distance is 1.60 s");
    r.ntp.exchange[2].leap = 3;
    expect(&plan, &r, CHECK_CRITICAL, "not synchronised");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_well), cmocka_unit_test(days_of_the_certificate),
        cmocka_unit_test(ke_that_fails),         cmocka_unit_test(replies_that_fail),
        cmocka_unit_test(clocks_that_are_wrong),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
