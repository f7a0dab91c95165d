// The HTTP server of the metrics, over real connections to itself: what it answers, what it
// refuses, and that no client keeps a connection longer than its deadline.
#include "base/now.h"
#include "metrics/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct board_facts facts;
static struct board_dataplane dataplane;
static struct board_ke ke;
static struct board_metrics counters;
static struct board_etcd etcd = {.starts = 1};
static const struct exposition_sources sources = {
    .facts = &facts, .dataplane = &dataplane, .ke = &ke, .metrics = &counters, .etcd = &etcd};
static int listener;
static struct sockaddr_in address;
static struct http *http;

static int open_server(void **state)
{
    (void)state;
    socklen_t len = sizeof address;
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    memset(&counters, 0, sizeof counters);
    assert_int_equal(http_open(listener, &sources, &counters, &http), 0);
    return 0;
}

static int close_server(void **state)
{
    (void)state;
    http_close(http);
    int listens = 0;
    socklen_t len = sizeof listens;
    getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    assert_int_equal(listens, 1); // it is shared with the process that is started next
    close(listener);
    return 0;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

enum { AGAIN = -1 };

// Reads what there is, while the server has turns at that time. The length, 0 at the end, AGAIN
// when nothing came.
static ssize_t hear(int fd, char *text, size_t room, uint64_t ahead_ns)
{
    for (int i = 0; i < 200; i++) {
        http_turn(http, now_ns() + ahead_ns);
        const ssize_t n = recv(fd, text, room, 0);
        if (n >= 0)
            return n;
        if (errno != EAGAIN)
            return 0;
        usleep(1000);
    }
    return AGAIN;
}

// The whole answer to a request.
static const char *answer(const char *request)
{
    static char text[65536];
    size_t len = 0;
    const int fd = dial();
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    for (;;) {
        const ssize_t n = hear(fd, text + len, sizeof text - 1 - len, 0);
        assert_true(n >= 0);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    text[len] = '\0';
    close(fd);
    return text;
}

static uint64_t counted(enum metrics_counter which)
{
    return atomic_load(&counters.n[which]);
}

static void expect(const char *request, const char *start)
{
    const char *text = answer(request);
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("%s: %s", request, text);
}

#define HOST " HTTP/1.1\r\nHost: x\r\n"

static void metrics_are_answered(void **state)
{
    (void)state;
    const char *text = answer("GET /metrics" HOST "Accept: application/openmetrics-text\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(text, "Content-Type: application/openmetrics-text; version=1.0.0"));
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(text, "\nnoonmark_build_info{"));
    assert_non_null(strstr(text, "\n# EOF\n"));
    text = answer("GET /metrics" HOST "\r\n");
    assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4"));
    assert_null(strstr(text, "# EOF"));
    text = answer("HEAD /metrics" HOST "\r\n");
    assert_non_null(strstr(text, "\r\nContent-Length: "));
    assert_null(strstr(text, "noonmark_build_info"));
    assert_int_equal(counted(METRICS_SCRAPES), 3);
}

// A text that is older than HTTP_FRESH_MS is made anew, a newer one is not.
static void a_flood_costs_one_text(void **state)
{
    (void)state;
    atomic_store(&ke.starts, 5);
    const uint64_t start = now_ns();
    answer("GET /metrics" HOST "\r\n");
    atomic_store(&ke.starts, 6);
    const char *text = answer("GET /metrics" HOST "\r\n");
    const bool fresh = now_ns() - start < HTTP_FRESH_MS * (uint64_t)NOW_NS_PER_MS;
    assert_true(!fresh || strstr(text, "starts_total{process=\"ke\"} 5") != NULL);
    usleep(2 * HTTP_FRESH_MS * 1000);
    assert_non_null(strstr(answer("GET /metrics" HOST "\r\n"), "starts_total{process=\"ke\"} 6"));
}

static void all_else_is_refused(void **state)
{
    (void)state;
    expect("GET /" HOST "\r\n", "HTTP/1.1 200 ");
    expect("GET /history" HOST "\r\n", "HTTP/1.1 200 ");
    expect("GET /metrics/" HOST "\r\n", "HTTP/1.1 404 ");
    expect("GET /../metrics" HOST "\r\n", "HTTP/1.1 404 ");
    expect("POST /metrics" HOST "\r\n", "HTTP/1.1 405 ");
    expect("get /metrics" HOST "\r\n", "HTTP/1.1 405 ");
    assert_non_null(strstr(answer("PUT /metrics" HOST "\r\n"), "\r\nAllow: GET, HEAD\r\n"));
    expect("GET /metrics" HOST "Content-Length: 3\r\n\r\nabc", "HTTP/1.1 400 ");
    expect("GET /metrics" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 ");
    assert_int_equal(counted(METRICS_REFUSED), 7);
    assert_int_equal(counted(METRICS_PAGES), 2);
    assert_int_equal(counted(METRICS_SCRAPES), 0);
}

// The page allows its own script and style alone, and comes with a point of history at once.
static void the_page_has_a_strict_policy(void **state)
{
    (void)state;
    const char *text = answer("GET /" HOST "\r\n");
    assert_non_null(strstr(text, "\r\nContent-Security-Policy: default-src 'none'; script-src "
                                 "'sha256-"));
    assert_null(strstr(text, "unsafe-inline"));
    assert_non_null(strstr(text, "<title>noonmark</title>"));
    text = answer("GET /history" HOST "\r\n");
    assert_non_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\"points\":1,"));
}

// An octet now and then puts libmicrohttpd's own limit off, and not this deadline.
static void late_connections_are_cut(void **state)
{
    (void)state;
    char text[64];
    const int fd = dial();
    assert_int_equal(send(fd, "GET /me", 7, MSG_NOSIGNAL), 7);
    const uint64_t ms = NOW_NS_PER_MS;
    assert_int_equal(hear(fd, text, sizeof text, (HTTP_DEADLINE_MS - 2000) * ms), AGAIN);
    assert_int_equal(counted(METRICS_CUT), 0);
    assert_int_equal(hear(fd, text, sizeof text, HTTP_DEADLINE_MS * ms), 0);
    assert_int_equal(counted(METRICS_CUT), 1);
    close(fd);
    expect("GET /" HOST "\r\n", "HTTP/1.1 200 ");
}

static void one_address_has_so_many_connections(void **state)
{
    (void)state;
    int fd[HTTP_CONNECTIONS_AN_ADDRESS];
    char text[64];
    for (int i = 0; i < HTTP_CONNECTIONS_AN_ADDRESS; i++) {
        fd[i] = dial();
        for (int turns = 0; turns < 3; turns++)
            http_turn(http, now_ns());
    }
    const int more = dial();
    assert_int_equal(hear(more, text, sizeof text, 0), 0);
    close(more);
    for (int i = 0; i < HTTP_CONNECTIONS_AN_ADDRESS; i++)
        close(fd[i]);
    for (int i = 0; i < 200 && strncmp(answer("GET /" HOST "\r\n"), "HTTP/1.1 200 ", 13) != 0; i++)
        usleep(1000); // until it has seen that they are closed
    expect("GET /" HOST "\r\n", "HTTP/1.1 200 ");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metrics_are_answered, open_server, close_server),
        cmocka_unit_test_setup_teardown(a_flood_costs_one_text, open_server, close_server),
        cmocka_unit_test_setup_teardown(all_else_is_refused, open_server, close_server),
        cmocka_unit_test_setup_teardown(the_page_has_a_strict_policy, open_server, close_server),
        cmocka_unit_test_setup_teardown(late_connections_are_cut, open_server, close_server),
        cmocka_unit_test_setup_teardown(one_address_has_so_many_connections, open_server,
                                        close_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
