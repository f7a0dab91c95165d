// Sockets: their properties, and the result when another process has their address. On loopback,
// with ports that the kernel chooses.
#include "supervisor/listeners.h"

#include "supervisor/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// A port that was free a moment ago.
static uint16_t free_port(int type)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    socklen_t len = sizeof any;
    const int fd = socket(AF_INET6, type, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
    close(fd);
    return ntohs(any.sin6_port);
}

static struct config_listen at_v4(uint16_t port)
{
    struct config_listen l = {
        .len = sizeof(struct sockaddr_in), .text = "0.0.0.0:?", .key = "control.listen"};
    struct sockaddr_in *a = (struct sockaddr_in *)&l.address;
    a->sin_family = AF_INET;
    a->sin_port = htons(port);
    return l;
}

static struct config_listen at_v6(uint16_t port)
{
    struct config_listen l = {
        .len = sizeof(struct sockaddr_in6), .text = "[::]:?", .key = "control.listen"};
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)&l.address;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(port);
    return l;
}

// KE-2: IPV6_V6ONLY, so that both families can have the same port.
static void both_families_share_a_port(void **state)
{
    (void)state;
    const uint16_t port = free_port(SOCK_STREAM);
    const struct config_listen l4 = at_v4(port), l6 = at_v6(port);
    const int a = listener_open(&l6, 0), b = listener_open(&l4, 0);
    assert_true(a >= 0 && b >= 0);
    assert_int_equal(listener_open(&l4, 0), -EADDRINUSE);

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
    const int accepted = accept(b, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(accept(a, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN); // not blocking
    close(accepted);
    close(client);
    close(a);
    close(b);
    const int again = listener_open(&l4, 0); // in spite of TIME_WAIT
    assert_true(again >= 0);
    close(again);
}

// A child shares the socket's open file: what it shuts down is shut for all.
static void one_that_was_shut_down_is_noticed_and_replaced(void **state)
{
    (void)state;
    const struct config_listen l4 = at_v4(free_port(SOCK_STREAM));
    const int fd = listener_open(&l4, 0);
    assert_true(listener_listens(fd));
    const int shared = dup(fd);
    assert_int_equal(shutdown(shared, SHUT_WR), 0); // all that ke's filter allows
    assert_true(listener_listens(fd));
    assert_int_equal(shutdown(shared, SHUT_RDWR), 0);
    assert_false(listener_listens(fd));

    const int again = listener_open(&l4, 0); // though the old one is still open
    assert_true(again >= 0);
    assert_true(listener_listens(again));
    assert_false(listener_listens(-1));
    close(again);
    close(shared);
    close(fd);
}

static void an_address_of_somebody_else_is_refused(void **state)
{
    (void)state;
    struct config_listen l = at_v4(free_port(SOCK_STREAM));
    ((struct sockaddr_in *)&l.address)->sin_addr.s_addr = inet_addr("192.0.2.77");
    assert_int_equal(listener_open(&l, 0), -EADDRNOTAVAIL);
}

// Boot: duplicate address detection has not ended. What no interface has stays refused.
static void a_tentative_address_is_bound(void **state)
{
    (void)state;
    struct config_listen l = at_v6(4460);
    const pid_t pid = fork();
    if (pid == 0) { // in a network namespace of its own
        // Many probes a second apart: tentative all the while.
        if (unshare(CLONE_NEWNET) != 0 ||
            system("ip link add d0 type veth peer name d1 && ip link set d1 up && echo 9 "
                   ">/proc/sys/net/ipv6/conf/d0/dad_transmits && "
                   "ip link set d0 up && ip addr add fd99::5/64 dev d0") != 0)
            _exit(77);
        inet_pton(AF_INET6, "fd99::6", &((struct sockaddr_in6 *)&l.address)->sin6_addr);
        if (address_state(&l.address) != ADDRESS_ABSENT || listener_open(&l, 0) != -EADDRNOTAVAIL)
            _exit(1);
        inet_pton(AF_INET6, "fd99::5", &((struct sockaddr_in6 *)&l.address)->sin6_addr);
        if (address_state(&l.address) != ADDRESS_TENTATIVE)
            _exit(2);
        _exit(listener_listens(listener_open(&l, 0)) ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("# only root may make a network namespace\n");
        skip();
    }
    assert_int_equal(status, 0);
}

// A connection to somewhere from this port, ended by its own side.
static uint16_t make_closing_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in own = at;
    socklen_t len = sizeof at;
    const int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(bind(client, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &len), 0);
    const int accepted = accept(server, NULL, NULL);
    assert_false(port_is_closing(ntohs(own.sin_port))); // still open
    assert_false(port_is_closing(ntohs(at.sin_port)));  // listens
    close(client);
    close(accepted);
    close(server);
    return ntohs(own.sin_port);
}

// What has ended is waited for, and said; nobody is told of another program.
static void a_port_in_time_wait_is_waited_for(void **state)
{
    (void)state;
    int log[2];
    char said[512];
    const uint16_t port = make_closing_port();
    const struct config_listen l = at_v4(port);
    assert_true(port_is_closing(port));
    assert_int_equal(listener_open(&l, 0), -EADDRINUSE); // a running server waits for nothing
    assert_int_equal(pipe(log), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(log[1], STDERR_FILENO);
        _exit(listener_open(&l, 1) >= 0 ? 0 : 1);
    }
    close(log[1]);
    const ssize_t n = read(log[0], said, sizeof said - 1);
    assert_true(n > 0);
    said[n] = '\0';
    assert_non_null(strstr(said, "TIME_WAIT"));
    usleep(200000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); // waits on
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(log[0]);
}

// ipv6.disable=1: of what nobody has written, and of that alone. This kernel has IPv4 and IPv6, so
// a family of another kind stands for the one that it lacks.
static void defaults_of_a_missing_family_are_left_out(void **state)
{
    (void)state;
    enum { NOBODY_HAS = AF_MAX - 1 };
    struct config config = {.control.n_listen = 3};
    struct config_listen *listen = config.control.listen;
    assert_false(family_exists(NOBODY_HAS));
    assert_true(family_exists(AF_INET));
    for (int i = 0; i < 3; i++) {
        listen[i] = at_v4(4460);
        listen[i].by_default = true;
        listen[i].text = strdup("?");
    }
    listen[0].address.ss_family = NOBODY_HAS;
    listen[2].address.ss_family = NOBODY_HAS;
    listen[2].by_default = false; // somebody wants it, and hears that it cannot be
    assert_int_equal(addresses_leave_out(&config), 1);
    assert_int_equal(config.control.n_listen, 2);
    assert_int_equal(listen[0].address.ss_family, AF_INET);
    assert_int_equal(listener_open(&listen[1], 0), -EAFNOSUPPORT);
    for (int i = 0; i < 2; i++)
        free(listen[i].text);
}

static char directory[] = "/tmp/nm-sup-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    snprintf(path, sizeof path, "%s/run/control.sock", mkdtemp(directory));
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char run[64];
    unlink(path);
    snprintf(run, sizeof run, "%s/run", directory);
    rmdir(run);
    return rmdir(directory);
}

static void the_control_socket_is_private_and_goes_away(void **state)
{
    (void)state;
    struct control_socket s;
    struct stat st;
    assert_int_equal(control_socket_open(&s, path, 0, 0), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);

    struct control_socket second;
    assert_int_equal(control_socket_open(&second, path, 0, 0), -EADDRINUSE); // a living one
    control_socket_close(&s);
    assert_int_equal(lstat(path, &st), -1);
}

static void a_dead_socket_is_replaced(void **state)
{
    (void)state;
    struct control_socket dead, s;
    struct stat st;
    assert_int_equal(control_socket_open(&dead, path, 0, 0), 0);
    close(dead.fd); // killed: the file stays
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(control_socket_open(&s, path, 0, 0), 0);
    dead.fd = dup(STDERR_FILENO);
    if (dead.inode != s.inode) { // not its own any more
        control_socket_close(&dead);
        assert_int_equal(lstat(path, &st), 0);
    }
    control_socket_close(&s);
}

// Whoever may write to the directory could take the name before a start.
static void a_directory_of_others_is_refused(void **state)
{
    (void)state;
    struct control_socket s;
    char run[64];
    snprintf(run, sizeof run, "%s/run", directory);
    assert_int_equal(mkdir(run, 0755), 0);
    assert_int_equal(chmod(run, 01777), 0);
    assert_int_equal(control_socket_open(&s, path, 0, 0), -EEXIST);
    assert_int_equal(chmod(run, 0755), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(run, 65534, 65534), 0);
        assert_int_equal(control_socket_open(&s, path, 0, 0), -EEXIST);
        assert_int_equal(control_socket_open(&s, path, 65533, 0), -EEXIST);
        assert_int_equal(control_socket_open(&s, path, 65534, 0), 0); // control's own
        control_socket_close(&s);
        assert_int_equal(chmod(run, 0775), 0);
        assert_int_equal(control_socket_open(&s, path, 65534, 0), -EEXIST);
        assert_int_equal(chmod(run, 0755), 0);
        assert_int_equal(chown(run, 0, 0), 0);
    }
    assert_int_equal(control_socket_open(&s, path, 0, 0), 0);
    control_socket_close(&s);
}

// ntpd-rs deleted whatever lay at its socket's path.
static void what_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct control_socket s;
    struct stat st;
    char run[64];
    snprintf(run, sizeof run, "%s/run", directory);
    assert_int_equal(mkdir(run, 0755), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(control_socket_open(&s, path, 0, 0), -EEXIST);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(control_socket_open(&s, path, 0, 0), -EEXIST);
    assert_int_equal(lstat(path, &st), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_share_a_port),
        cmocka_unit_test(one_that_was_shut_down_is_noticed_and_replaced),
        cmocka_unit_test(an_address_of_somebody_else_is_refused),
        cmocka_unit_test(a_tentative_address_is_bound),
        cmocka_unit_test(a_port_in_time_wait_is_waited_for),
        cmocka_unit_test(defaults_of_a_missing_family_are_left_out),
        cmocka_unit_test_setup_teardown(the_control_socket_is_private_and_goes_away, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_dead_socket_is_replaced, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_directory_of_others_is_refused, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(what_is_no_socket_is_left_alone, make_directory,
                                        remove_directory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/listeners", tests, NULL, NULL);
}
