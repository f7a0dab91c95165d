// Other terms while the loops serve: listeners, deadline, the largest number of connections, and
// what clients are told.
#include "tests/control/ke/ke_server.h"

#include "control/ke/ke_terms.h"
#include "tests/control/ke/ke_client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char request[] = "\x80\x01\x00\x02\x00\x00\x80\x04\x00\x02\x00\x0f\x80\x00\x00\x00";
enum { REQUEST_LEN = sizeof request - 1, RESPONSE_LEN = 848 };

static struct ke_server server;

static int setup(void **state)
{
    (void)state;
    ke_server_open(&server, &(struct ke_server_options){.threads = 3});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&server);
    ke_server_close(&server);
    return 0;
}

// Whose connections are served, and the port of NTP, by the next terms.
static const struct prefixes *sources;
static uint16_t udp_port = 123;

static void change(const char *ntp_server, uint32_t deadline_ms, uint32_t most, const int *listener,
                   size_t n)
{
    const struct ke_setup setup = {.ntp_server = ntp_server,
                                   .udp_port = udp_port,
                                   .deadline_ms = deadline_ms,
                                   .max_connections = most,
                                   .listeners = listener,
                                   .n_listeners = n,
                                   .sources = sources};
    struct ke_terms *terms = ke_terms_make(&setup);
    assert_non_null(terms);
    ke_change(server.ke, terms);
}

// The response's length; 0 when the server has ended the session without one.
static size_t answered(struct ke_client *client)
{
    uint8_t got[4096];
    size_t len = 0, first;
    ke_client_send(client, request, REQUEST_LEN);
    ke_client_receive(client, got, sizeof got, &len, &first);
    ke_client_close(client);
    return len;
}

static bool connects(struct ke_client *client, const struct sockaddr_storage *to)
{
    return ke_client_open(client, to, &(struct ke_client_options){0});
}

static void open_sessions_get_the_new_name(void **state)
{
    (void)state;
    struct ke_client before, after;
    assert_true(connects(&before, &server.address));
    change("ntp.example", 30000, 1000, server.listener, server.n_listeners);
    assert_true(connects(&after, &server.address));
    assert_int_equal(answered(&after), RESPONSE_LEN + 15);
    assert_int_equal(answered(&before), RESPONSE_LEN + 15);
    udp_port = 8123;
    change("", 30000, 1000, server.listener, server.n_listeners);
    assert_true(connects(&after, &server.address));
    assert_int_equal(answered(&after), RESPONSE_LEN + 6);
    udp_port = 123;
    change("", 30000, 1000, server.listener, server.n_listeners);
    assert_true(connects(&after, &server.address));
    assert_int_equal(answered(&after), RESPONSE_LEN);
}

static int listen_anew(struct sockaddr_storage *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof *address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

// The old ones serve up to the change, and their open sessions behind it.
static void listeners_come_and_go(void **state)
{
    (void)state;
    struct ke_client old, now;
    struct sockaddr_storage other;
    assert_true(connects(&old, &server.address));
    const int all[] = {server.listener[0], listen_anew(&other)};
    change("", 30000, 1000, all, 2);
    assert_true(connects(&now, &other));
    assert_int_equal(answered(&now), RESPONSE_LEN);
    assert_true(connects(&now, &server.address));
    assert_int_equal(answered(&now), RESPONSE_LEN);

    change("", 30000, 1000, all + 1, 1);
    assert_int_equal(answered(&old), RESPONSE_LEN);
    for (int i = 0; i < 20; i++) {
        assert_true(connects(&now, &other));
        assert_int_equal(answered(&now), RESPONSE_LEN);
    }
    // Nobody accepts at the old one any more.
    const uint64_t accepted = ke_counted(&server.counters, KE_ACCEPTED);
    const int waits = ke_client_socket(&server.address, 0);
    assert_true(waits >= 0);
    assert_true(connects(&now, &other));
    assert_int_equal(answered(&now), RESPONSE_LEN);
    assert_int_equal(ke_counted(&server.counters, KE_ACCEPTED), accepted + 1);
    close(waits);
    change("", 30000, 1000, server.listener, server.n_listeners);
    close(all[1]);
}

// Of the sessions that are open, too.
static void a_deadline_comes_nearer(void **state)
{
    (void)state;
    struct ke_client client;
    change("", 600000, 1000, server.listener, server.n_listeners);
    assert_true(connects(&client, &server.address));
    change("", 100, 1000, server.listener, server.n_listeners);
    ke_server_await_open(&server, 0);
    ke_client_close(&client);
    change("", 600000, 1000, server.listener, server.n_listeners);
    assert_true(connects(&client, &server.address));
    assert_int_equal(answered(&client), RESPONSE_LEN);
}

static void the_cap_moves(void **state)
{
    (void)state;
    struct ke_client first, second;
    assert_true(connects(&first, &server.address));
    change("", 30000, 1, server.listener, server.n_listeners);
    const int waits = ke_client_socket(&server.address, 0);
    assert_int_equal(write(waits, "x", 1), 1);
    for (int i = 0; i < 6000 && ke_counted(&server.counters, KE_PAUSED_FULL) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_true(ke_counted(&server.counters, KE_PAUSED_FULL) > 0);
    change("", 30000, 3, server.listener, server.n_listeners);
    assert_true(connects(&second, &server.address));
    assert_int_equal(answered(&second), RESPONSE_LEN);
    assert_int_equal(answered(&first), RESPONSE_LEN);
    close(waits);
    ke_server_await_open(&server, 0);
}

static void sources_come_and_go(void **state)
{
    (void)state;
    struct ke_client client;
    const struct prefix loopback = {.ip_version = 4, .octets = {127}, .len = 8};
    struct prefixes *denied = prefixes_make(NULL, 0, &loopback, 1);
    assert_non_null(denied);
    assert_true(connects(&client, &server.address));
    sources = denied;
    change("", 30000, 1000, server.listener, server.n_listeners);
    assert_int_equal(answered(&client), RESPONSE_LEN);
    assert_false(connects(&client, &server.address));
    ke_client_close(&client);
    ke_server_await(&server, KE_DENIED, 1);
    sources = NULL;
    change("", 30000, 1000, server.listener, server.n_listeners);
    prefixes_free(denied);
    assert_true(connects(&client, &server.address));
    assert_int_equal(answered(&client), RESPONSE_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open_sessions_get_the_new_name, setup, teardown),
        cmocka_unit_test_setup_teardown(listeners_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_comes_nearer, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cap_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(sources_come_and_go, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_change", tests, NULL, NULL);
}
