// Connections of a balancer over real loops: whose address lists and limits see, what is closed.
#include "tests/control/ke/ke_server.h"

#include "tests/control/ke/ke_client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FROM(host) SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02" host "\x7f\x00\x00\x01\xd4\x31\x11\x6c"

static const char request[] = "\x80\x01\x00\x02\x00\x00\x80\x04\x00\x02\x00\x0f\x80\x00\x00\x00";
enum { REQUEST_LEN = sizeof request - 1, RESPONSE_LEN = 848, MANY = 1000 };

static const char good[] = FROM("\x01"), bad_client[] = FROM("\x02"),
                  local[] = SIGNATURE "\x20\x00\x00\x00";
static struct ke_server server;
static struct prefixes *balancers, *sources;

static void open_server(uint32_t deadline_ms, struct ke_shares shares)
{
    const struct prefix loopback = {.ip_version = 4, .len = 32, .octets = {127, 0, 0, 1}};
    const struct prefix all[] = {{.ip_version = 4}, {.ip_version = 6}};
    // Neither the balancer itself nor one of its clients is on the list.
    const struct prefix deny[] = {loopback, {.ip_version = 4, .len = 32, .octets = {192, 0, 2, 2}}};
    balancers = prefixes_make(&loopback, 1, NULL, 0);
    sources = prefixes_make(all, 2, deny, 2);
    assert_true(balancers != NULL && sources != NULL);
    ke_server_open(&server, &(struct ke_server_options){.balancers = balancers,
                                                        .sources = sources,
                                                        .deadline_ms = deadline_ms,
                                                        .max_connections = 2,
                                                        .shares = shares});
}

static int setup(void **state)
{
    (void)state;
    open_server(0, (struct ke_shares){0});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&server);
    ke_server_close(&server);
    prefixes_free(balancers);
    prefixes_free(sources);
    return 0;
}

static bool answered(struct ke_client *client)
{
    uint8_t got[4096];
    size_t len = 0, first;
    ke_client_send(client, request, REQUEST_LEN);
    ke_client_receive(client, got, sizeof got, &len, &first);
    return len == RESPONSE_LEN;
}

static bool is_served(const void *header, size_t len)
{
    struct ke_client client;
    const bool served =
        ke_client_open(&client, &server.address,
                       &(struct ke_client_options){.header = header, .header_len = len}) &&
        answered(&client);
    ke_client_close(&client);
    return served;
}

static void clients_of_a_balancer(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(is_served(good, sizeof good - 1));
    ke_server_await(&server, KE_COMPLETED, 5);
    for (int i = 0; i < 3; i++)
        assert_false(is_served(bad_client, sizeof bad_client - 1));
    ke_server_await(&server, KE_DENIED, 3);
    // A health check of the balancer's own.
    assert_true(is_served(local, sizeof local - 1));
    ke_server_await(&server, KE_ACCEPTED, 6);
    assert_int_equal(ke_counted(&server.counters, KE_BAD_PROXY), 0);
}

static void without_a_header(void **state)
{
    (void)state;
    assert_false(is_served(NULL, 0));
    ke_server_await(&server, KE_BAD_PROXY, 1);
    assert_false(is_served("PROXY TCP4 192.0.2.1 127.0.0.1 5 4460\r\n", 39));
    ke_server_await(&server, KE_BAD_PROXY, 2);
    close(ke_client_socket(&server.address, 0));
    ke_server_await(&server, KE_BAD_PROXY, 3);
    assert_int_equal(ke_counted(&server.counters, KE_ACCEPTED), 0);
    assert_true(is_served(good, sizeof good - 1)); // no place was kept
}

// The header in two pieces, with a pause between them.
static void in_pieces(void **state)
{
    (void)state;
    uint8_t hello[512], answer[5];
    for (size_t cut = 1; cut < sizeof good - 1; cut += 5) {
        const int fd = ke_client_socket(&server.address, 0);
        assert_int_equal(send(fd, good, cut, 0), cut);
        usleep(2000);
        uint8_t rest[sizeof good + sizeof hello];
        memcpy(rest, good + cut, sizeof good - 1 - cut);
        // A ClientHello that is none: TLS answers it, so the header has ended before it.
        memcpy(rest + sizeof good - 1 - cut, "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9);
        assert_true(send(fd, rest, sizeof good - 1 - cut + 9, 0) > 0);
        assert_int_equal(recv(fd, answer, sizeof answer, MSG_WAITALL), 5);
        assert_int_equal(answer[0], 21); // an alert
        close(fd);
    }
    assert_int_equal(ke_counted(&server.counters, KE_BAD_PROXY), 0);
}

static void half_a_header(void **state)
{
    (void)state;
    teardown(NULL);
    open_server(300, (struct ke_shares){0});
    int fd[2];
    for (int i = 0; i < 2; i++)
        fd[i] = ke_client_socket(&server.address, 0);
    assert_int_equal(send(fd[0], good, 20, 0), 20); // the other one says nothing
    ke_server_await(&server, KE_BAD_PROXY, 2);
    ke_server_await_open(&server, 0);
    for (int i = 0; i < 2; i++)
        close(fd[i]);
}

// CPU time is charged to the balancer's clients, not to the balancer.
static void limits_see_the_client(void **state)
{
    (void)state;
    static const char other[] =
        SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x01\x7f\x00\x00\x01\xd4\x31\x11\x6c";
    teardown(NULL);
    open_server(0, (struct ke_shares){.host = {.ns_per_s = 1000, .burst_ns = 2000000}});
    int served = 0;
    while (served < MANY && is_served(good, sizeof good - 1))
        served++;
    assert_true(served > 0 && served < MANY);
    assert_true(ke_counted(&server.counters, KE_REFUSED_LIMIT) > 0);
    assert_true(is_served(other, sizeof other - 1));
}

// From elsewhere a header is no TLS.
static void from_others(void **state)
{
    (void)state;
    if (server.n_listeners < 2) {
        print_message("# no IPv6 here\n");
        skip();
    }
    struct ke_client client;
    assert_false(
        ke_client_open(&client, &server.address6,
                       &(struct ke_client_options){.header = good, .header_len = sizeof good - 1}));
    ke_client_close(&client);
    ke_server_await(&server, KE_NO_HANDSHAKE, 1);
    assert_true(ke_client_open(&client, &server.address6, &(struct ke_client_options){0}));
    assert_true(answered(&client));
    ke_client_close(&client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(clients_of_a_balancer), TEST(without_a_header),      TEST(in_pieces),
        TEST(half_a_header),         TEST(limits_see_the_client), TEST(from_others),
    };
    signal(SIGPIPE, SIG_IGN); // the clients write where the server has ended
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_proxy", tests, NULL, NULL);
}
