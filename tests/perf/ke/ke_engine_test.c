// The engine against our real server: right exchanges, and every way to fail or to be slow.
#include "perf/ke/ke_session.h"
#include "tests/perf/ke/ke_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t ms = 1000000;

static struct ke_rig rig;
static struct ke_report last;
static uint32_t outcomes[KE_OUTCOME_COUNT];
static uint64_t tags;

static int setup(void **state)
{
    (void)state;
    ke_rig_open(&rig, &(struct ke_server_options){0});
    memset(outcomes, 0, sizeof outcomes);
    tags = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&rig.server);
    ke_rig_close(&rig);
    return 0;
}

static void done(void *context, const struct ke_report *report, const struct ke_grant *grant)
{
    (void)context;
    last = *report;
    outcomes[report->outcome]++;
    tags += report->tag;
    assert_int_equal(grant != NULL, report->outcome == KE_OUTCOME_GRANTED);
    if (grant)
        ke_rig_check_grant(&rig, grant);
}

static struct ke_engine *engine_open(uint32_t max_open)
{
    char why[256];
    struct ke_engine *engine;
    const struct ke_listener listener = {.done = done};
    assert_int_equal(ke_engine_open(&rig.target, max_open, listener, &engine, why), 0);
    return engine;
}

static void run_out(struct ke_engine *engine)
{
    while (ke_engine_open_now(engine) > 0)
        ke_engine_turn(engine, 100 * ms);
}

// n sessions of a kind, n_open at a time.
static void run(enum ke_kind kind, uint32_t n, uint32_t n_open)
{
    struct ke_engine *engine = engine_open(n_open);
    for (uint32_t begun = 0; begun < n;) {
        if (ke_engine_begin(engine, kind, begun, ke_now_ns()))
            begun++;
        else
            ke_engine_turn(engine, 100 * ms);
    }
    run_out(engine);
    ke_engine_close(engine);
}

static void expect_one(enum ke_outcome outcome, const char *text)
{
    char got[512];
    run(KE_KIND_FULL, 1, 1);
    ke_report_text(&last, &rig.target, got);
    if (last.outcome != outcome || !strstr(got, text))
        fail_msg("%s", got);
}

static void two_hundred(void **state)
{
    (void)state;
    run(KE_KIND_FULL, 200, 20);
    assert_int_equal(outcomes[KE_OUTCOME_GRANTED], 200);
    assert_int_equal(tags, 199 * 200 / 2);
    const struct ke_times *t = &last.times;
    assert_true(t->scheduled_ns <= t->began_ns && t->began_ns <= t->connected_ns &&
                t->connected_ns < t->handshake_ns && t->handshake_ns < t->answered_ns &&
                t->answered_ns <= t->ended_ns);
    ke_server_await(&rig.server, KE_COMPLETED, 200);
}

static void all_at_once(void **state)
{
    (void)state;
    run(KE_KIND_FULL, 100, 100);
    assert_int_equal(outcomes[KE_OUTCOME_GRANTED], 100);
}

// Descriptors of this process that are sockets, by their names: the server's threads close theirs
// meanwhile.
static unsigned sockets(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char path[32], is[32] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n += readlink(path, is, sizeof is - 1) > 0 && strncmp(is, "socket:", 7) == 0;
    }
    return n;
}

// A finished exchange leaves nothing open, also when the server's FIN came with its response.
static void ends_at_once(void **state)
{
    (void)state;
    struct ke_engine *engine = engine_open(50);
    const unsigned before = sockets();
    for (int i = 0; i < 50; i++)
        assert_true(ke_engine_begin(engine, KE_KIND_FULL, 0, ke_now_ns()));
    run_out(engine);
    for (int i = 0; i < 3000 && sockets() != before; i++)
        ke_engine_turn(engine, 10 * ms); // the server, in this process, closes its own
    assert_int_equal(sockets(), before);
    ke_engine_close(engine);
}

static void by_address(void **state)
{
    (void)state;
    strcpy(rig.target.server, "127.0.0.1");
    run(KE_KIND_FULL, 1, 1);
    if (rig.server.n_listeners == 2) {
        strcpy(rig.target.server, "::1");
        rig.target.address = rig.server.address6;
        run(KE_KIND_FULL, 1, 1);
        assert_int_equal(outcomes[KE_OUTCOME_GRANTED], 2);
    }
    assert_int_equal(last.outcome, KE_OUTCOME_GRANTED);
}

static void from_sources(void **state)
{
    (void)state;
    struct sockaddr_storage sources[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + i)};
        memcpy(&sources[i], &v4, sizeof v4);
    }
    rig.target.sources = sources;
    rig.target.n_sources = 3;
    run(KE_KIND_FULL, 6, 2);
    assert_int_equal(outcomes[KE_OUTCOME_GRANTED], 6);
}

static void not_trusted(void **state)
{
    (void)state;
    rig.target.ca = NULL; // the system's authorities do not know this one
    expect_one(KE_OUTCOME_CERTIFICATE, "certificate verify failed (");
    expect_one(KE_OUTCOME_CERTIFICATE, "; give its issuer with --ca FILE");
    rig.target.unverified = true;
    run(KE_KIND_FULL, 1, 1);
    assert_int_equal(last.outcome, KE_OUTCOME_GRANTED);
}

static void wrong_name(void **state)
{
    (void)state;
    strcpy(rig.target.server, "another.test");
    expect_one(KE_OUTCOME_CERTIFICATE, "another.test:");
    expect_one(KE_OUTCOME_CERTIFICATE, "hostname mismatch");
    strcpy(rig.target.server, "192.0.2.1");
    expect_one(KE_OUTCOME_CERTIFICATE, "IP address mismatch");
}

static void no_such_file(void **state)
{
    (void)state;
    char why[256];
    struct ke_engine *engine;
    rig.target.ca = "/nonexistent/ca.pem";
    const struct ke_listener listener = {.done = done};
    assert_int_equal(ke_engine_open(&rig.target, 1, listener, &engine, why), -EINVAL);
    assert_non_null(strstr(why, "/nonexistent/ca.pem: "));
}

static void refused(void **state)
{
    (void)state;
    int silent = ke_rig_silent(&rig.target.address);
    close(silent); // nobody listens there now
    expect_one(KE_OUTCOME_REFUSED, "connection refused; is NTS-KE served there?");
}

static void silent_server(void **state)
{
    (void)state;
    int silent = ke_rig_silent(&rig.target.address);
    rig.target.deadline_ns = 500 * ms;
    expect_one(KE_OUTCOME_TIMED_OUT, "timed out after 0.5 s in the TLS handshake");
    run(KE_KIND_SLOW_REQUEST, 1, 1);
    assert_int_equal(last.outcome, KE_OUTCOME_TIMED_OUT);
    close(silent);
}

static void closed_early(void **state)
{
    (void)state;
    int listener = ke_rig_silent(&rig.target.address);
    struct ke_engine *engine = engine_open(1);
    for (int abrupt = 0; abrupt < 2; abrupt++) {
        assert_true(ke_engine_begin(engine, KE_KIND_FULL, 0, ke_now_ns()));
        const struct linger linger = {.l_onoff = abrupt};
        int fd = accept(listener, NULL, NULL);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close(fd);
        run_out(engine);
        char text[512];
        ke_report_text(&last, &rig.target, text);
        if (last.outcome != KE_OUTCOME_CLOSED_EARLY)
            fail_msg("%s", text);
    }
    ke_engine_close(engine);
    close(listener);
}

static void not_tls(void **state)
{
    (void)state;
    int listener = ke_rig_silent(&rig.target.address);
    struct ke_engine *engine = engine_open(1);
    assert_true(ke_engine_begin(engine, KE_KIND_FULL, 0, ke_now_ns()));
    int fd = accept(listener, NULL, NULL);
    assert_int_equal(write(fd, "220 mail.example ESMTP\r\n", 24), 24);
    run_out(engine);
    assert_int_equal(last.outcome, KE_OUTCOME_TLS);
    ke_engine_close(engine);
    close(fd);
    close(listener);
}

static void error_record(void **state)
{
    (void)state;
    ke_rig_close(&rig);
    ke_rig_open(&rig, &(struct ke_server_options){.no_keys = 1});
    expect_one(KE_OUTCOME_ERROR_RECORD, "answered with Error 2 (internal server error)");
}

static void leaving(void **state)
{
    (void)state;
    run(KE_KIND_LEAVE_CONNECT, 20, 5);
    assert_int_equal(last.times.handshake_ns, 0);
    run(KE_KIND_LEAVE_HELLO, 20, 5);
    assert_int_equal(last.times.handshake_ns, 0);
    run(KE_KIND_LEAVE_TLS, 20, 5);
    assert_int_not_equal(last.times.handshake_ns, 0);
    assert_int_equal(last.times.answered_ns, 0);
    assert_int_equal(outcomes[KE_OUTCOME_LEFT], 60);
}

static void slow_is_cut(void **state)
{
    (void)state;
    ke_rig_close(&rig);
    ke_rig_open(&rig, &(struct ke_server_options){.deadline_ms = 1500});
    rig.target.dribble_ns = 20 * ms;
    for (enum ke_kind kind = KE_KIND_SLOW_HELLO; kind <= KE_KIND_SLOW_REQUEST; kind++) {
        run(kind, 10, 10);
        uint64_t held = last.times.ended_ns - last.times.began_ns;
        assert_in_range(held / ms, 1300, 20000); // the server's deadline, not the client's
    }
    assert_int_equal(outcomes[KE_OUTCOME_CUT], 20);
    ke_server_await(&rig.server, KE_LATE_HANDSHAKE, 10);
    ke_server_await(&rig.server, KE_LATE_REQUEST, 10);
}

static void slow_holds_on(void **state)
{
    (void)state;
    rig.target.dribble_ns = 5 * ms;
    rig.target.hold_ns = 300 * ms;
    run(KE_KIND_SLOW_HELLO, 3, 3);
    run(KE_KIND_SLOW_REQUEST, 3, 3);
    assert_int_equal(outcomes[KE_OUTCOME_HELD], 6);
}

static void full_pool(void **state)
{
    (void)state;
    struct ke_engine *engine = engine_open(2);
    assert_true(ke_engine_begin(engine, KE_KIND_FULL, 0, ke_now_ns()));
    assert_true(ke_engine_begin(engine, KE_KIND_FULL, 0, ke_now_ns()));
    assert_false(ke_engine_begin(engine, KE_KIND_FULL, 0, ke_now_ns()));
    ke_engine_close(engine); // cuts them
    assert_int_equal(outcomes[KE_OUTCOME_GRANTED], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(two_hundred),   TEST(all_at_once),  TEST(by_address),    TEST(ends_at_once),
        TEST(from_sources),  TEST(not_trusted),  TEST(wrong_name),    TEST(refused),
        TEST(no_such_file),  TEST(closed_early), TEST(silent_server), TEST(not_tls),
        TEST(error_record),  TEST(leaving),      TEST(slow_is_cut),   TEST(full_pool),
        TEST(slow_holds_on),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
