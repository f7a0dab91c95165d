// Limits of CPU time over real exchanges: who is refused, who waits, who is served.
#include "tests/control/ke/ke_server.h"

#include "control/ke/ke_budget.h"
#include "control/ke/ke_terms.h"
#include "tests/control/ke/ke_client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char request[] = "\x80\x01\x00\x02\x00\x00\x80\x04\x00\x02\x00\x0f\x80\x00\x00\x00";
enum { REQUEST_LEN = sizeof request - 1, RESPONSE_LEN = 848, MANY = 1000 };

static struct ke_server server;

static void open_server(struct ke_shares shares)
{
    ke_server_open(&server, &(struct ke_server_options){.threads = 1, .shares = shares});
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&server);
    ke_server_close(&server);
    return 0;
}

static bool is_served(const struct sockaddr_storage *to)
{
    struct ke_client client;
    uint8_t got[4096];
    size_t len = 0, first;
    if (ke_client_open(&client, to, &(struct ke_client_options){0})) {
        ke_client_send(&client, request, REQUEST_LEN);
        ke_client_receive(&client, got, sizeof got, &len, &first);
    }
    ke_client_close(&client);
    return len == RESPONSE_LEN;
}

static uint64_t counted(enum ke_counter which)
{
    return ke_counted(ke_counters(server.ke), which);
}

// Two milliseconds of CPU time, and then next to nothing.
static const struct ke_cpu_rate strict = {.ns_per_s = 1000, .burst_ns = 2000000};

static void a_host_takes_its_share(void **state)
{
    (void)state;
    open_server((struct ke_shares){.host = strict});
    unsigned served = 0;
    while (served < MANY && is_served(&server.address))
        served++;
    assert_in_range(served, 1, MANY - 1);
    for (int i = 0; i < 3; i++)
        assert_false(is_served(&server.address));
    ke_server_await(&server, KE_REFUSED_LIMIT, 4);
    ke_server_await(&server, KE_COMPLETED, served);
    if (server.n_listeners == 2) // another prefix
        assert_true(is_served(&server.address6));
    assert_int_equal(counted(KE_DRY_RUN), 0);
}

static void a_dry_run_refuses_nobody(void **state)
{
    (void)state;
    open_server((struct ke_shares){.host = strict, .dry_run = true});
    for (int i = 0; i < MANY && counted(KE_DRY_RUN) == 0; i++)
        assert_true(is_served(&server.address));
    assert_true(counted(KE_DRY_RUN) > 0);
    assert_true(is_served(&server.address));
    assert_int_equal(counted(KE_REFUSED_LIMIT), 0);
}

static void a_reload_changes_it(void **state)
{
    (void)state;
    open_server((struct ke_shares){.host = strict});
    for (int i = 0; i < MANY && is_served(&server.address); i++)
        continue;
    assert_false(is_served(&server.address));
    struct ke_terms *terms = ke_terms_make(&(struct ke_setup){.ntp_server = "",
                                                              .udp_port = 123,
                                                              .deadline_ms = 30000,
                                                              .max_connections = 1000,
                                                              .listeners = server.listener,
                                                              .n_listeners = server.n_listeners});
    assert_non_null(terms);
    ke_change(server.ke, terms);
    assert_true(is_served(&server.address));
}

// A handshake that is broken off is charged, too.
static void broken_handshakes_count(void **state)
{
    (void)state;
    open_server((struct ke_shares){.host = strict});
    for (int i = 0; i < MANY && counted(KE_REFUSED_LIMIT) == 0; i++) {
        struct ke_client client;
        ke_client_open(&client, &server.address, &(struct ke_client_options){.groups = "P-384"});
        ke_client_close(&client);
    }
    assert_true(counted(KE_REFUSED_LIMIT) > 0);
    assert_int_equal(counted(KE_COMPLETED), 0);
}

// The loop pauses for a second, and then serves those behind that have not waited too long.
static void all_together_take_their_share(void **state)
{
    (void)state;
    open_server((struct ke_shares){.all = KE_SHARE_ONE / 50});
    for (int i = 0; i < MANY && counted(KE_PAUSED_CPU) == 0; i++)
        is_served(&server.address);
    assert_true(counted(KE_PAUSED_CPU) > 0);
    bool served = false;
    for (int tries = 0; tries < 20 && !served; tries++)
        served = is_served(&server.address);
    assert_true(served);
    assert_int_equal(counted(KE_REFUSED_LIMIT), 0);
}

// With a hundredth of the time each pause is longer than clients wait. Who came at its start is
// refused in the end.
static void who_has_waited_is_refused(void **state)
{
    (void)state;
    open_server((struct ke_shares){.all = KE_SHARE_ONE / 100});
    for (int tries = 0; tries < 20 && counted(KE_REFUSED_WAITED) == 0; tries++) {
        const uint64_t paused = counted(KE_PAUSED_CPU);
        for (int i = 0; i < MANY && counted(KE_PAUSED_CPU) == paused; i++)
            is_served(&server.address);
        is_served(&server.address); // for three seconds at most
    }
    assert_true(counted(KE_REFUSED_WAITED) > 0);
    assert_true(counted(KE_COMPLETED) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_host_takes_its_share, teardown),
        cmocka_unit_test_teardown(a_dry_run_refuses_nobody, teardown),
        cmocka_unit_test_teardown(a_reload_changes_it, teardown),
        cmocka_unit_test_teardown(broken_handshakes_count, teardown),
        cmocka_unit_test_teardown(all_together_take_their_share, teardown),
        cmocka_unit_test_teardown(who_has_waited_is_refused, teardown),
    };
    signal(SIGPIPE, SIG_IGN); // the clients write where the server has ended
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_shares", tests, NULL, NULL);
}
