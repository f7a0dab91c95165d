// The whole of ke in a process of its own, with its descriptors at their fixed numbers: how it
// starts, serves, restarts and ends, and what an attacker who controls it cannot do.
#include "control/ke/ke_process.h"

#include "board/board.h"
#include "control/ke/ke_filter.h"
#include "control/ke/tls_memory.h"
#include "crypto/cookie.h"
#include "link/child.h"
#include "link/handover.h"
#include "tests/control/ke/ke_client.h"
#include "tests/control/ke/make_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// The supervisor's part.
static struct stand {
    char dir[64];
    struct authority authority;
    struct tls_pair pair;
    struct sockaddr_storage address;
    int config, board_control, board_dataplane, board_ke, listener, log;
    int board_control_read_only;
    struct board_control *board; // control's side, which the test writes in control's place
    struct board_ke *ke;
    int link; // our end
    pid_t pid;
} stand;

static const char config_text[] = "dataplane:\n"
                                  "  cores: [0]\n"
                                  "  ports:\n"
                                  "    - interface: lo\n"
                                  "control:\n"
                                  "  listen: [\"127.0.0.1:4460\"]\n"
                                  "  certificates:\n"
                                  "    - {chain: /chain.pem, key: /key.pem}\n"
                                  "  threads: 2\n"
                                  "  socket: /run/unused.sock\n"
                                  "keys:\n"
                                  "  file: %s/keys\n"
                                  "  rotate: 1s\n"
                                  "time:\n"
                                  "  source: fixed\n"
                                  "  stratum: 1\n"
                                  "  reference_id: TEST\n";

static int listen_tcp(struct sockaddr_storage *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof v4;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&v4, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&v4, &len), 0);
    memcpy(address, &v4, sizeof v4);
    return fd;
}

// In control's place: one key, of that id.
static void publish(uint32_t id)
{
    struct keyring_record record = {.n = 1, .current = 0, .entry = {{.id = id}}};
    memset(record.entry[0].secret, (int)id, COOKIE_KEY_LEN);
    keyring_publish(&stand.board->keyring, &record);
}

static int setup(void **state)
{
    (void)state;
    char text[1024];
    strcpy(stand.dir, "/tmp/ke_process_test.XXXXXX");
    assert_non_null(mkdtemp(stand.dir));
    stand.authority = authority_make();
    stand.pair = pair_make(&stand.authority, MADE_P256, dates_good);
    int len = snprintf(text, sizeof text, config_text, stand.dir);
    stand.config = text_file(text, (size_t)len);
    int fd[BOARD_SIDES];
    assert_int_equal(board_create(fd), 0);
    stand.board_control = fd[BOARD_CONTROL];
    stand.board_dataplane = fd[BOARD_DATAPLANE];
    stand.board_ke = fd[BOARD_KE];
    close(fd[BOARD_FACTS]);
    close(fd[BOARD_METRICS]);
    assert_int_equal(board_reopen_read_only(stand.board_control, &stand.board_control_read_only),
                     0);
    assert_int_equal(board_map_control(stand.board_control, true, &stand.board), 0);
    assert_int_equal(board_map_ke(stand.board_ke, true, &stand.ke), 0);
    publish(7);
    stand.listener = listen_tcp(&stand.address);
    stand.log = text_file("", 0);
    stand.pid = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (stand.pid)
        kill(stand.pid, SIGKILL);
    board_unmap_control(stand.board);
    board_unmap_ke(stand.ke);
    const int open[] = {stand.config,   stand.board_control,           stand.board_dataplane,
                        stand.board_ke, stand.board_control_read_only, stand.listener,
                        stand.log};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        close(open[i]);
    pair_close(&stand.pair);
    authority_free(&stand.authority);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", stand.dir);
    return system(command);
}

// The child's side of the handover: everything to its number, nothing else left open.
static void hand_over(int link)
{
    const struct {
        int fd, at;
    } handed[] = {
        {stand.config, HANDOVER_CONFIG},
        {link, HANDOVER_LINK},
        {stand.board_control_read_only, HANDOVER_BOARD_CONTROL},
        {stand.board_ke, HANDOVER_BOARD_KE},
        {stand.listener, HANDOVER_FIRST_LISTENER},
        {stand.pair.chain_fd, HANDOVER_FIRST_LISTENER + 1},
        {stand.pair.key_fd, HANDOVER_FIRST_LISTENER + 2},
    };
    enum { N = sizeof handed / sizeof handed[0] };
    int aside[N];
    dup2(stand.log, STDERR_FILENO);
    for (int i = 0; i < N; i++)
        aside[i] = fcntl(handed[i].fd, F_DUPFD, 100);
    close_range(HANDOVER_CONFIG, 99, 0);
    for (int i = 0; i < N; i++)
        dup2(aside[i], handed[i].at);
    close_range(HANDOVER_FIRST_LISTENER + 3, ~0u, 0);
}

static void start(void)
{
    int link[2];
    assert_int_equal(link_pair(link), 0);
    stand.pid = fork();
    if (stand.pid == 0) {
        hand_over(link[1]);
        _exit(ke_process_main());
    }
    close(link[1]);
    stand.link = link[0];
}

// Waits for the next message. False when the link has ended.
static bool hear(struct link_message *message)
{
    struct pollfd wait = {.fd = stand.link, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    return link_receive(stand.link, 0, message) == 1;
}

// True when ke says that it serves; false when it ends without that.
static bool comes_up(void)
{
    struct link_message message;
    if (!hear(&message))
        return false;
    assert_int_equal(message.type, LINK_READY);
    return true;
}

static int ended(void)
{
    int status;
    assert_int_equal(waitpid(stand.pid, &status, 0), stand.pid);
    stand.pid = 0;
    return status;
}

static void print_log(void)
{
    char text[4096];
    ssize_t n = pread(stand.log, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    fputs(text, stderr);
}

static void start_well(void)
{
    start();
    if (!comes_up()) {
        print_log();
        fail_msg("ke does not come up: status %x", (unsigned)ended());
    }
}

// An exchange; its first cookie.
static void exchange(uint8_t cookie[COOKIE_LEN])
{
    struct ke_client client;
    uint8_t got[4096];
    size_t len, first;
    assert_true(ke_client_open(&client, &stand.address,
                               &(struct ke_client_options){.root = stand.authority.root}));
    ke_client_send(&client, "\x80\x01\x00\x02\x00\x00\x80\x04\x00\x02\x00\x0f\x80\x00\x00\x00", 16);
    assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
    assert_int_equal(len, 848);
    memcpy(cookie, got + 16, COOKIE_LEN);
    ke_client_close(&client);
}

static uint32_t id_of(const uint8_t cookie[COOKIE_LEN])
{
    uint32_t id;
    memcpy(&id, cookie, sizeof id);
    return __builtin_bswap32(id);
}

static void life(void **state) // keys come from the board alone; SIGTERM ends it
{
    (void)state;
    uint8_t cookie[COOKIE_LEN];
    start_well();
    assert_int_equal(atomic_load(&stand.ke->version), BOARD_VERSION);
    assert_int_equal(atomic_load(&stand.ke->starts), 1);
    uint64_t beat = atomic_load(&stand.ke->heartbeat);
    exchange(cookie);
    assert_int_equal(id_of(cookie), 7);
    publish(8);
    exchange(cookie);
    assert_int_equal(id_of(cookie), 8);
    assert_int_equal(ke_counted(&stand.ke->counters, KE_COMPLETED), 2);
    for (int i = 0; i < 1500 && atomic_load(&stand.ke->heartbeat) == beat; i++)
        usleep(20000);
    assert_true(atomic_load(&stand.ke->heartbeat) > beat);

    assert_int_equal(kill(stand.pid, SIGINT),
                     0); // the terminal's, which is the supervisor's matter
    assert_int_equal(kill(stand.pid, SIGTERM), 0);
    assert_int_equal(ended(), 0);
    close(stand.link);
}

static void restart(void **state) // killed, it comes back over the same listener and counts on
{
    (void)state;
    uint8_t cookie[COOKIE_LEN];
    start_well();
    exchange(cookie);
    assert_int_equal(kill(stand.pid, SIGKILL), 0);
    ended();
    close(stand.link);

    start_well(); // over the same descriptors, which have been read before
    assert_int_equal(atomic_load(&stand.ke->starts), 2);
    exchange(cookie);
    assert_int_equal(ke_counted(&stand.ke->counters, KE_COMPLETED), 2);
    close(stand.link); // the supervisor has died
    assert_int_equal(ended(), 0);
}

// In the supervisor's place: these descriptors as a reload; true when ke takes them, and the reason
// otherwise.
// Ke's answer to a message of the supervisor.
static uint32_t answered(uint32_t id, char reason[LINK_TEXT_MAX + 1])
{
    static struct link_message message;
    if (!hear(&message))
        fail_msg("ke ends of a reload: status %x", (unsigned)ended());
    assert_int_equal(message.id, id);
    strcpy(reason, message.text);
    return message.type;
}

static bool prepared(uint32_t id, const int *fd, uint32_t n, char reason[LINK_TEXT_MAX + 1])
{
    assert_int_equal(link_send_descriptors(stand.link, LINK_RELOAD, id, fd, n), 0);
    const uint32_t type = answered(id, reason);
    assert_true(type == LINK_ACCEPTED || type == LINK_REFUSED);
    return type == LINK_ACCEPTED;
}

static bool reload(uint32_t id, const int *fd, uint32_t n, char reason[LINK_TEXT_MAX + 1])
{
    if (!prepared(id, fd, n, reason))
        return false;
    assert_int_equal(link_send(stand.link, LINK_COMMIT, id, NULL), 0);
    return answered(id, reason) == LINK_APPLIED;
}

// The certificate that ke shows, by its serial number and key.
static void shown(uint8_t digest[EVP_MAX_MD_SIZE])
{
    struct ke_client client;
    unsigned len;
    assert_true(ke_client_open(&client, &stand.address,
                               &(struct ke_client_options){.root = stand.authority.root}));
    X509 *certificate = SSL_get1_peer_certificate(client.session);
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &len), 1);
    X509_free(certificate);
    ke_client_close(&client);
}

static int fresh_config(const char *level)
{
    char text[1200];
    int len = snprintf(text, sizeof text, config_text, stand.dir);
    len += snprintf(text + len, sizeof text - (size_t)len, "log: {level: %s}\n", level);
    int fd = text_file(text, (size_t)len);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void reloads(void **state) // under ke's filter: taken whole or refused whole
{
    (void)state;
    static char reason[LINK_TEXT_MAX + 1];
    uint8_t first[EVP_MAX_MD_SIZE], now[EVP_MAX_MD_SIZE];
    struct tls_pair good = pair_make(&stand.authority, MADE_P256, dates_good);
    struct tls_pair rsa = pair_make(&stand.authority, MADE_RSA, dates_good);
    struct tls_pair old = pair_make(&stand.authority, MADE_P256, (struct made_dates){-7200, -3600});
    start_well();
    shown(first);
    const struct {
        int chain, key;
        const char *why;
    } wrong[] = {
        {old.chain_fd, old.key_fd, "/chain.pem: HAS EXPIRED"},
        {rsa.chain_fd, good.key_fd, "/key.pem: is not the key of"},
        {good.key_fd, good.key_fd, "/chain.pem: holds no certificate chain"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const int fd[] = {fresh_config("info"), wrong[i].chain, wrong[i].key};
        assert_false(reload(10, fd, 3, reason));
        assert_non_null(strstr(reason, wrong[i].why));
        close(fd[0]);
        shown(now);
        assert_memory_equal(now, first, 32);
    }
    const int five[] = {fresh_config("info"), good.chain_fd, good.key_fd, rsa.chain_fd, rsa.key_fd};
    assert_false(reload(11, five, 5, reason)); // the configuration names one pair
    assert_non_null(strstr(reason, "are not those of the configuration"));
    const int nonsense[] = {good.chain_fd, good.chain_fd, good.key_fd};
    assert_false(reload(12, nonsense, 3, reason));

    lseek(five[0], 0, SEEK_SET);
    assert_true(prepared(14, five, 3, reason));
    shown(now);
    assert_memory_equal(now, first, 32);
    assert_int_equal(link_send(stand.link, LINK_CANCEL, 14, NULL), 0);
    assert_int_equal(link_send(stand.link, LINK_COMMIT, 14, NULL), 0); // there is nothing to take
    shown(now);
    assert_memory_equal(now, first, 32);

    lseek(five[0], 0, SEEK_SET);
    assert_true(reload(UINT32_MAX, five, 3, reason));
    shown(now);
    assert_memory_not_equal(now, first, 32);
    close(five[0]);
    const int again[] = {fresh_config("info"), rsa.chain_fd, rsa.key_fd}; // of another kind
    assert_true(reload(13, again, 3, reason));
    close(again[0]);
    shown(first);
    assert_memory_not_equal(now, first, 32);

    // Not a message, and one that is not for ke: it serves on.
    assert_int_equal(send(stand.link, "x", 1, 0), 1);
    assert_int_equal(link_send(stand.link, LINK_ASK_RELOAD, 0, NULL), 0);
    assert_int_equal(link_send(stand.link, LINK_LOG_LEVEL, 0, "error"), 0);
    shown(now);
    assert_memory_equal(now, first, 32);
    pair_close(&good);
    pair_close(&rsa);
    pair_close(&old);
    close(stand.link);
    assert_int_equal(ended(), 0);
    static char text[8192];
    assert_true(pread(stand.log, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "message is not well-formed"));
    assert_non_null(strstr(text, "is not for ke"));
    assert_null(strstr(text, "HAS EXPIRED")); // the supervisor says it
}

static void wrong_pair(void **state) // F14: an error at start that names the file
{
    (void)state;
    struct tls_pair other = pair_make(&stand.authority, MADE_P256, dates_good);
    int key = stand.pair.key_fd;
    stand.pair.key_fd = other.key_fd;
    start();
    stand.pair.key_fd = key;
    assert_false(comes_up());
    int status = ended();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    char text[4096] = {0};
    assert_true(pread(stand.log, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "key.pem: is not the key of"));
    pair_close(&other);
    close(stand.link);
}

// What an attempt comes to in a child with ke's descriptors and filter: 0, the errno that it got,
// or FORBIDDEN when it ended the process.
enum { FORBIDDEN = 255 };
static pid_t other; // a process of the same user: the test's own, known before the filter is there

static int outcome(int (*attempt)(void))
{
    int link[2];
    assert_int_equal(link_pair(link), 0);
    other = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        hand_over(link[1]);
        if (child_hide() < 0 || ke_filter_apply() < 0)
            _exit(254);
        _exit(attempt() < 0 ? errno : 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(link[0]);
    close(link[1]);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return FORBIDDEN;
    }
    return WEXITSTATUS(status);
}

static int map_writable(int fd)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int map_control_writable(void)
{
    return map_writable(HANDOVER_BOARD_CONTROL);
}

static int map_ke_writable(void)
{
    return map_writable(HANDOVER_BOARD_KE);
}

static int make_control_writable(void)
{
    void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, HANDOVER_BOARD_CONTROL, 0);
    return at == MAP_FAILED ? 0 : mprotect(at, 4096, PROT_READ | PROT_WRITE);
}

static int write_control(void)
{
    return (int)write(HANDOVER_BOARD_CONTROL, "x", 1);
}

static int pwrite_control(void)
{
    return (int)pwrite(HANDOVER_BOARD_CONTROL, "x", 1, 0);
}

static int truncate_control(void)
{
    return ftruncate(HANDOVER_BOARD_CONTROL, 0);
}

static int reopen_control(void)
{
    return open("/proc/self/fd/5", O_RDWR);
}

static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int connect_listener(void)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    return connect(HANDOVER_FIRST_LISTENER, &nowhere, sizeof nowhere);
}

static int send_to_address(void)
{
    const struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9)};
    return (int)sendto(HANDOVER_FIRST_LISTENER, "x", 1, MSG_FASTOPEN,
                       (const struct sockaddr *)&there, sizeof there);
}

static int receive_descriptors(void)
{
    struct msghdr packet = {0};
    return recvmsg(HANDOVER_LINK, &packet, MSG_DONTWAIT) < 0 ? -1 : 0;
}

static int receive_elsewhere(void)
{
    struct msghdr packet = {0};
    return recvmsg(HANDOVER_FIRST_LISTENER, &packet, MSG_DONTWAIT) < 0 ? -1 : 0;
}

static int send_descriptors(void)
{
    const int fd[] = {HANDOVER_BOARD_KE, HANDOVER_BOARD_KE, HANDOVER_BOARD_KE};
    return link_send_descriptors(HANDOVER_LINK, LINK_CANDIDATE, 0, fd, 3);
}

static int say_ready(void)
{
    return child_say_ready();
}

static int shut_listener(void)
{
    return shutdown(HANDOVER_FIRST_LISTENER, SHUT_RDWR);
}

static int shut_sending(void)
{
    return shutdown(HANDOVER_BOARD_KE, SHUT_WR); // allowed; a memfd is no socket
}

static int set_other_option(void)
{
    const int on = 1;
    return setsockopt(HANDOVER_FIRST_LISTENER, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

static int set_file_owner(void) // a signal to the owner would follow
{
    return fcntl(HANDOVER_FIRST_LISTENER, F_SETOWN, other);
}

static int signal_process(void)
{
    return kill(other, 0);
}

static int signal_thread(void)
{
    return tgkill(other, other, 0);
}

static int trace_process(void)
{
    return (int)ptrace(PTRACE_ATTACH, other, NULL, NULL);
}

static int write_process(void)
{
    return (int)process_vm_writev(other, NULL, 0, NULL, 0, 0);
}

static int take_process(void)
{
    return (int)syscall(SYS_pidfd_open, other, 0);
}

static int make_process(void)
{
    return fork();
}

static int run_program(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

// Threat model: code of a stranger that runs in ke writes neither time nor keys, opens nothing,
// and reaches neither control nor the listeners of its successor.
static void taken_over(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int (*attempt)(void);
        int wanted;
    } attempts[] = {
        {"map control's side for writing", map_control_writable, EACCES},
        {"map its own side for writing", map_ke_writable, 0},
        {"make control's side writable", make_control_writable, EACCES},
        {"write to control's side", write_control, EBADF},
        {"pwrite to control's side", pwrite_control, FORBIDDEN},
        {"truncate control's side", truncate_control, FORBIDDEN},
        {"open control's side again", reopen_control, EACCES},
        {"open a file", open_file, EACCES},
        {"make a socket", make_socket, FORBIDDEN},
        {"connect", connect_listener, FORBIDDEN},
        {"send to an address", send_to_address, FORBIDDEN},
        {"answer over the link", say_ready, 0},
        {"receive from the link", receive_descriptors, EAGAIN},
        {"receive descriptors elsewhere", receive_elsewhere, FORBIDDEN},
        {"send descriptors", send_descriptors, FORBIDDEN},
        {"shut a listener down", shut_listener, FORBIDDEN},
        {"shut the sending side", shut_sending, ENOTSOCK},
        {"set another option", set_other_option, FORBIDDEN},
        {"set an owner", set_file_owner, FORBIDDEN},
        {"signal a process", signal_process, FORBIDDEN},
        {"signal a thread", signal_thread, FORBIDDEN},
        {"trace a process", trace_process, FORBIDDEN},
        {"write another's memory", write_process, FORBIDDEN},
        {"take a process's descriptor", take_process, FORBIDDEN},
        {"make a process", make_process, FORBIDDEN},
        {"run a program", run_program, FORBIDDEN},
        {"make code", make_code, FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        int got = outcome(attempts[i].attempt);
        if (got != attempts[i].wanted)
            fail_msg("%s: %d, not %d", attempts[i].what, got, attempts[i].wanted);
    }
}

int main(void)
{
    // The processes are forks of this one, which uses OpenSSL itself.
    if (!tls_memory_take())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(life, setup, teardown),
        cmocka_unit_test_setup_teardown(restart, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_pair, setup, teardown),
        cmocka_unit_test_setup_teardown(reloads, setup, teardown),
        cmocka_unit_test_setup_teardown(taken_over, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
