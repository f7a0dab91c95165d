// The whole of control in a process of its own, with its descriptors at their fixed numbers: how it
// starts, publishes, restarts and ends, with its real filters.
#include "control/control.h"

#include "board/board.h"
#include "control/control_filter.h"
#include "link/child.h"
#include "link/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

// The supervisor's part.
static struct stand {
    char dir[64];
    int config, board_control, board_dataplane, board_ke, socket, log;
    int board_facts, board_dataplane_read_only, board_ke_read_only, board_metrics_read_only,
        board_etcd_read_only;
    struct board_control *board;
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
                                  "  source: %s\n"
                                  "  stratum: 1\n"
                                  "  reference_id: TEST\n";

static const char *source = "fixed";

static int text_file(const char *text, size_t len)
{
    int fd = memfd_create("control_test", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    return fd;
}

static int listen_unix(const char *dir)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s/sock", dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static int setup(void **state)
{
    (void)state;
    char text[1024];
    strcpy(stand.dir, "/tmp/control_test.XXXXXX");
    assert_non_null(mkdtemp(stand.dir));
    int len = snprintf(text, sizeof text, config_text, stand.dir, source);
    stand.config = text_file(text, (size_t)len);
    int fd[BOARD_SIDES];
    assert_int_equal(board_create(fd), 0);
    stand.board_control = fd[BOARD_CONTROL];
    stand.board_dataplane = fd[BOARD_DATAPLANE];
    stand.board_ke = fd[BOARD_KE];
    stand.board_facts = fd[BOARD_FACTS];
    assert_int_equal(board_reopen_read_only(fd[BOARD_METRICS], &stand.board_metrics_read_only), 0);
    close(fd[BOARD_METRICS]);
    assert_int_equal(board_reopen_read_only(fd[BOARD_ETCD], &stand.board_etcd_read_only), 0);
    close(fd[BOARD_ETCD]);
    assert_int_equal(
        board_reopen_read_only(stand.board_dataplane, &stand.board_dataplane_read_only), 0);
    assert_int_equal(board_reopen_read_only(stand.board_ke, &stand.board_ke_read_only), 0);
    assert_int_equal(board_map_control(stand.board_control, true, &stand.board), 0);
    stand.socket = listen_unix(stand.dir);
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
    const int open[] = {stand.config,
                        stand.board_control,
                        stand.board_dataplane,
                        stand.board_ke,
                        stand.board_dataplane_read_only,
                        stand.board_ke_read_only,
                        stand.board_facts,
                        stand.board_metrics_read_only,
                        stand.socket,
                        stand.log};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        close(open[i]);
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
        {stand.board_control, HANDOVER_BOARD_CONTROL},
        {stand.board_dataplane_read_only, HANDOVER_BOARD_DATAPLANE},
        {stand.board_ke_read_only, HANDOVER_BOARD_KE},
        {open("/dev/null", O_RDWR), HANDOVER_TIME_SOURCE}, // as after a device has gone
        {stand.socket, HANDOVER_CONTROL_SOCKET},
        {stand.board_facts, HANDOVER_BOARD_FACTS},
        {stand.board_metrics_read_only, HANDOVER_BOARD_METRICS},
        {stand.board_etcd_read_only, HANDOVER_BOARD_ETCD},
    };
    enum { N = sizeof handed / sizeof handed[0] };
    int aside[N];
    dup2(stand.log, STDERR_FILENO);
    for (int i = 0; i < N; i++)
        aside[i] = fcntl(handed[i].fd, F_DUPFD, 100);
    for (int i = 0; i < N; i++)
        dup2(aside[i], handed[i].at);
    close_range(HANDOVER_BOARD_ETCD + 1, ~0u, 0);
}

static void start(void)
{
    int link[2];
    assert_int_equal(link_pair(link), 0);
    stand.pid = fork();
    if (stand.pid == 0) {
        hand_over(link[1]);
        _exit(control_main());
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

// True when control says that it serves; false when it ends without that.
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
        fail_msg("control does not come up: status %x", (unsigned)ended());
    }
}

// The key that seals on the board now; its id.
static uint32_t current_id(void)
{
    struct keyring_record record;
    uint64_t seen;
    assert_true(snapshot_read(&stand.board->keyring, &record, sizeof record, &seen));
    assert_true(record.n > 0 && record.current < record.n);
    return record.entry[record.current].id;
}

// Is a key of that id still on the board?
static bool is_published(uint32_t id)
{
    struct keyring_view view = {0};
    assert_true(keyring_refresh(&stand.board->keyring, &view));
    bool found = keyring_find(&view, id) != NULL;
    keyring_view_wipe(&view);
    return found;
}

static void doze_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

// No key of the board stands in the log, raw or in hexadecimal (P6).
static void check_log(void)
{
    char text[65536];
    struct keyring_record record;
    uint64_t seen;
    ssize_t len = pread(stand.log, text, sizeof text - 1, 0);
    assert_true(len > 0);
    text[len] = '\0';
    assert_true(snapshot_read(&stand.board->keyring, &record, sizeof record, &seen));
    for (uint32_t i = 0; i < record.n; i++) {
        char hex[17];
        for (int j = 0; j < 8; j++)
            sprintf(hex + 2 * j, "%02x", record.entry[i].secret[j]);
        assert_null(strstr(text, hex));
        assert_null(memmem(text, (size_t)len, record.entry[i].secret, 8));
    }
}

// The control socket's answer, whole.
static void ask_status(char *out, size_t room)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/sock", stand.dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(send(fd, "status\n", 7, 0), 7);
    size_t len = 0;
    for (ssize_t n = 1; n > 0; len += (size_t)n) {
        n = recv(fd, out + len, room - 1 - len, 0);
        assert_true(n >= 0);
    }
    out[len] = '\0';
    close(fd);
}

// What the dataplane writes of itself may be anything: more ports and cores than there can be, and
// texts that are no UTF-8 and have no end.
static void write_nonsense(void)
{
    struct board_dataplane *dataplane;
    assert_int_equal(board_map_dataplane(stand.board_dataplane, true, &dataplane), 0);
    atomic_store(&dataplane->n_ports, UINT32_MAX);
    atomic_store(&dataplane->n_cores, UINT32_MAX);
    memset(dataplane->crypto, 0xff, sizeof dataplane->crypto);
    memset(dataplane->port, 0x9b, sizeof dataplane->port);
    board_unmap_dataplane(dataplane);
}

static void life(void **state) // issue item 3: keys and clock first, then ready; SIGTERM ends it
{
    (void)state;
    start_well();
    assert_int_equal(atomic_load(&stand.board->version), BOARD_VERSION);
    assert_int_equal(atomic_load(&stand.board->starts), 1);
    struct ntp_state_view clock = {0};
    assert_true(ntp_state_refresh(&stand.board->ntp_state, &clock));
    assert_int_equal(clock.state.serving, 1);
    uint32_t first = current_id();

    // Rotations write the key file under the filter of system calls.
    uint64_t published = atomic_load(&stand.board->keyring.sequence);
    uint64_t beat = atomic_load(&stand.board->heartbeat);
    for (int i = 0; i < 600 && atomic_load(&stand.board->keyring.sequence) < published + 2; i++)
        doze_ms(50);
    assert_true(atomic_load(&stand.board->keyring.sequence) >= published + 2);
    assert_true(atomic_load(&stand.board->heartbeat) > beat);
    assert_true(current_id() != first);
    assert_true(is_published(first)); // as an old one

    static char status[1 << 20];
    write_nonsense();
    ask_status(status, sizeof status);
    assert_non_null(strstr(status, "\"completed\":0"));
    assert_non_null(strstr(status, "\"ke_process\":{\"heartbeat_age_ms\":null,\"starts\":0,"
                                   "\"log_lines_lost\":0}"));
    assert_null(strchr(status, '\x9b'));
    assert_null(strchr(status, '\xff'));

    assert_int_equal(kill(stand.pid, SIGINT),
                     0); // the terminal's, which is the supervisor's matter
    assert_int_equal(kill(stand.pid, SIGTERM), 0);
    assert_int_equal(ended(), 0);
    check_log();
    close(stand.link);
}

static void restart(void **state) // F1: killed, it comes back with the same keys
{
    (void)state;
    start_well();
    uint32_t first = current_id();
    assert_int_equal(kill(stand.pid, SIGKILL), 0);
    ended();
    close(stand.link);
    assert_true(is_published(first)); // the board outlives it

    start_well(); // over the same descriptors, which have been read before
    assert_int_equal(atomic_load(&stand.board->starts), 2);
    assert_true(is_published(first));
    close(stand.link); // the supervisor has died
    assert_int_equal(ended(), 0);
}

static pid_t other; // a process of the same user: the test's own, known before the filter is there

// Runs forbidden in a confined child; its status.
static int confined(void (*forbidden)(void))
{
    other = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        if (child_hide() < 0 || control_filter_apply() < 0)
            _exit(2);
        forbidden();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void nothing(void)
{
}

static void make_socket(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}

static void connect_socket(void)
{
    connect(stand.log, NULL, 0);
}

static void shut_socket(void)
{
    shutdown(stand.log, SHUT_RDWR);
}

static void signal_another(void)
{
    tgkill(other, other, 0);
}

static void make_process(void)
{
    if (fork() == 0)
        _exit(0);
}

static void run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void make_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void filter(void **state) // threat model: code that runs in control gets little from it
{
    (void)state;
    static void (*const forbidden[])(void) = {make_socket,    connect_socket, shut_socket,
                                              signal_another, make_process,   run_program,
                                              make_code};
    assert_int_equal(confined(nothing), 0);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        int status = confined(forbidden[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static int setup_phc(void **state)
{
    source = "phc:/dev/ptp0";
    int result = setup(state);
    source = "fixed";
    return result;
}

// A hardware clock that has gone: its thread asks it all the same, under the filter, and the clock
// is served as not synchronised.
static void without_its_device(void **state)
{
    (void)state;
    start_well();
    uint64_t beat = atomic_load(&stand.board->heartbeat);
    char text[4096] = "";
    for (int i = 0; i < 600 && !strstr(text, "/dev/ptp0 could not be read"); i++) {
        doze_ms(50);
        const ssize_t len = pread(stand.log, text, sizeof text - 1, 0);
        assert_true(len >= 0);
        text[len] = '\0';
    }
    assert_non_null(strstr(text, "/dev/ptp0 could not be read"));
    for (int i = 0; i < 600 && atomic_load(&stand.board->heartbeat) == beat; i++)
        doze_ms(50);
    assert_true(atomic_load(&stand.board->heartbeat) > beat);
    struct ntp_state_view clock = {0};
    assert_true(ntp_state_refresh(&stand.board->ntp_state, &clock));
    assert_int_equal(clock.state.leap, LEAP_UNKNOWN);
    assert_int_equal(kill(stand.pid, SIGTERM), 0);
    assert_int_equal(ended(), 0);
}

static void no_dumps(void **state) // F5, P6
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit core;
        if (child_hide() < 0 || getrlimit(RLIMIT_CORE, &core) < 0)
            _exit(2);
        _exit(prctl(PR_GET_DUMPABLE) != 0 || core.rlim_max != 0 ||
              prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(life, setup, teardown),
        cmocka_unit_test_setup_teardown(restart, setup, teardown),
        cmocka_unit_test_setup_teardown(without_its_device, setup_phc, teardown),
        cmocka_unit_test(filter),
        cmocka_unit_test(no_dumps),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
