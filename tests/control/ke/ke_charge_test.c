// Whom CPU time is charged to, in a world where accepting a connection takes a millisecond and all
// else takes none: nobody pays for connections that are refused before its own.
#include "tests/control/ke/ke_server.h"

#include "tests/control/ke/ke_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct ke_server server;
static _Atomic uint64_t cpu_ns;             // of the one loop
static _Atomic uint64_t charged, uncharged; // to the client, to others

int __real_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
void __wrap_ke_cpu_limit_charge(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                                uint64_t took, const struct ke_cpu_rate *rate, uint64_t now);
bool __wrap_ke_cpu_limit_is_over(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                                 const struct ke_cpu_rate *rate, uint64_t now);

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    const int got = __real_accept4(fd, from, len, flags);
    if (got >= 0)
        cpu_ns += MS;
    return got;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    if (clock != CLOCK_THREAD_CPUTIME_ID)
        return __real_clock_gettime(clock, t);
    *t = (struct timespec){.tv_nsec = (long)cpu_ns};
    return 0;
}

enum { CLIENT = 0x7f4d0001, REFUSED = 0x7f4e0001 }; // 127.77.0.1, 127.78.0.1

void __wrap_ke_cpu_limit_charge(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                                uint64_t took, const struct ke_cpu_rate *rate, uint64_t now)
{
    (void)limit;
    (void)rate;
    (void)now;
    *(from->host == CLIENT ? &charged : &uncharged) += took;
}

bool __wrap_ke_cpu_limit_is_over(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                                 const struct ke_cpu_rate *rate, uint64_t now)
{
    (void)limit;
    (void)rate;
    (void)now;
    return from->host == REFUSED;
}

static int connect_from(uint32_t source)
{
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&server.address, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(send(fd, "\x16", 1, 0), 1);
    return fd;
}

static void nobody_pays_for_refusals(void **state)
{
    (void)state;
    enum { REFUSALS = 20 };
    int refused[REFUSALS];
    ke_server_open(
        &server, &(struct ke_server_options){.threads = 1,
                                             .max_connections = 1,
                                             .shares = {.host = {.ns_per_s = MS, .burst_ns = MS}}});
    // While one connection is open, the others wait, and are then accepted in one go.
    const int holder = connect_from(INADDR_LOOPBACK);
    ke_server_await(&server, KE_ACCEPTED, 1);
    for (int i = 0; i < REFUSALS; i++)
        refused[i] = connect_from(REFUSED);
    const int client = connect_from(CLIENT);
    close(holder);
    ke_server_await(&server, KE_ACCEPTED, 2);
    ke_server_await(&server, KE_REFUSED_LIMIT, REFUSALS);
    close(client);
    for (int i = 0; i < REFUSALS; i++)
        close(refused[i]);
    ke_server_check_sums(&server);
    ke_server_close(&server);
    assert_int_equal(charged, MS);   // its own accept
    assert_int_equal(uncharged, MS); // the holder's
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_pays_for_refusals)};
    signal(SIGPIPE, SIG_IGN);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_charge", tests, NULL, NULL);
}
