#include "tests/control/ke/ke_server.h"

#include "board/keyring.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int listen_on(struct sockaddr_storage *address, socklen_t len)
{
    const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (address->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)address, len) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &len) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void open_listeners(struct ke_server *server)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    memcpy(&server->address, &v4, sizeof v4);
    memcpy(&server->address6, &v6, sizeof v6);
    server->listener[0] = listen_on(&server->address, sizeof v4);
    assert_true(server->listener[0] >= 0);
    server->listener[1] = listen_on(&server->address6, sizeof v6); // a machine may have no IPv6
    server->n_listeners = server->listener[1] >= 0 ? 2 : 1;
}

static void publish_keys(struct ke_server *server)
{
    struct keyring_record record = {.n = 2, .current = 1};
    for (uint32_t i = 0; i < 2; i++) {
        record.entry[i].id = 0x1000 * (i + 1);
        memset(record.entry[i].secret, (int)(0x11 * (i + 1)), COOKIE_KEY_LEN);
    }
    keyring_publish(&server->ring, &record);
    cookie_key_expand_own(&server->key, record.entry[1].id, record.entry[1].secret);
}

void ke_server_open(struct ke_server *server, const struct ke_server_options *options)
{
    memset(server, 0, sizeof *server);
    server->authority = authority_make();
    struct tls_pair pair = pair_make(&server->authority, MADE_P256, dates_good);
    assert_int_equal(tls_open(&pair, 1, NULL, &server->tls), 0);
    pair_close(&pair);
    open_listeners(server);
    if (!options->no_keys)
        publish_keys(server);
    const struct ke_setup setup = {
        .tls = server->tls,
        .listeners = server->listener,
        .n_listeners = server->n_listeners,
        .ring = &server->ring,
        .counters = &server->counters,
        .ntp_server = options->ntp_server ? options->ntp_server : "",
        .udp_port = options->udp_port ? options->udp_port : 123,
        .threads = options->threads ? options->threads : 2,
        .deadline_ms = options->deadline_ms ? options->deadline_ms : 30000,
        .max_connections = options->max_connections ? options->max_connections : 1000,
        .sources = options->sources,
        .balancers = options->balancers,
        .shares = options->shares,
        .tokens = options->tokens,
        .kept_most = options->kept_most ? options->kept_most : 4,
        .idle_ms = options->idle_ms ? options->idle_ms : 30000,
    };
    assert_int_equal(ke_open(&setup, &server->ke), 0);
}

void ke_server_close(struct ke_server *server)
{
    ke_close(server->ke);
    tls_close(server->tls);
    for (size_t i = 0; i < server->n_listeners; i++)
        close(server->listener[i]);
    authority_free(&server->authority);
}

enum { DOZES_MOST = 6000 }; // 30 s: what the server does soon, a busy machine may do late

static void doze(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

void ke_server_await(const struct ke_server *server, enum ke_counter which, uint64_t n)
{
    for (int i = 0; i < DOZES_MOST && ke_counted(ke_counters(server->ke), which) < n; i++)
        doze();
    assert_int_equal(ke_counted(ke_counters(server->ke), which), n);
}

void ke_server_await_open(const struct ke_server *server, uint32_t n)
{
    for (int i = 0; i < DOZES_MOST && atomic_load(&ke_counters(server->ke)->open) != n; i++)
        doze();
    assert_int_equal(atomic_load(&ke_counters(server->ke)->open), n);
}

void ke_server_check_sums(const struct ke_server *server)
{
    const struct ke_counters *counters = ke_counters(server->ke);
    ke_server_await_open(server, 0);
    uint64_t ended = 0;
    for (int i = KE_ENDS_FIRST; i <= KE_ENDS_LAST; i++)
        ended += ke_counted(counters, (enum ke_counter)i);
    assert_int_equal(ke_counted(counters, KE_ACCEPTED), ended);
}
