// The dataplane without supervisor and control: makes a board with one fixed key and a clock that
// is right, hands the descriptors over and runs the dataplane's door in a child.
//
//   launch serve FILE   prints "PID ready" once it serves; at the end of standard input sends
//                       SIGTERM, prints the counters and ends with the child's status
//                       SIGUSR1: control's clock is an hour off; the next one: is right again
#include "base/log.h"
#include "base/tsc.h"
#include "board/board.h"
#include "board/time_fit.h"
#include "dataplane/dataplane.h"
#include "link/handover.h"
#include "link/link.h"
#include "tests/board/outcome_name.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOUR_NS (INT64_C(3600) * NS_PER_S)

static int config_fd(const char *path)
{
    char text[65536];
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = memfd_create("config", MFD_CLOEXEC);
    ssize_t len = from < 0 ? -1 : read(from, text, sizeof text);
    if (len < 0 || to < 0 || write(to, text, (size_t)len) != len) {
        perror(path);
        exit(2);
    }
    close(from);
    return to;
}

static void publish_key(struct board_control *board)
{
    struct keyring_record ring = {.n = 1};
    ring.entry[0].id = 0x6e6d0002;
    for (int i = 0; i < COOKIE_KEY_LEN; i++)
        ring.entry[0].secret[i] = (uint8_t)i;
    keyring_publish(&board->keyring, &ring);
}

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now();
}

static int64_t read_utc(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

// A line through two moments, good to some microseconds for the seconds that a test takes; or one
// that is off by so much.
static void publish_clock(struct board_control *board, int64_t off_ns)
{
    const struct time_readers read = {.tsc = read_tsc, .ns = read_utc};
    struct time_sample first = time_sample_take(&read);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    struct time_sample last = time_sample_take(&read);
    const struct time_line line = {
        .tsc_base = last.tsc,
        .base_ns = last.ns + off_ns,
        .ns_per_tick = (double)(last.ns - first.ns) / (double)(last.tsc - first.tsc),
    };
    struct ntp_state state = {
        .line = time_line_encode(&line),
        .tsc_hz = (uint64_t)(NS_PER_S / line.ns_per_tick),
        .written_tsc = last.tsc,
        .void_after = last.tsc + (uint64_t)(NS_PER_S / line.ns_per_tick) * 60,
        .reference_id = 0x54455354,
        .stratum = 1,
        .precision = -20,
        .serving = 1,
    };
    state.reference_time = state.line.utc_base;
    ntp_state_publish(&board->ntp_state, &state);
}

// The child takes the descriptors at their numbers. They are first moved out of the way of these.
static void hand_over(const int *fd, int n)
{
    int high[8];
    for (int i = 0; i < n; i++)
        high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < n; i++)
        dup2(high[i], HANDOVER_CONFIG + i);
}

static void print_counters(const struct board_dataplane *board)
{
    uint64_t received = 0;
    for (int c = 0; c < CORES_MAX; c++)
        received += atomic_load(&board->core[c].frames_received);
    printf("received %" PRIu64, received);
    for (int i = 0; i < OUTCOMES; i++) {
        uint64_t n = 0;
        for (int c = 0; c < CORES_MAX; c++)
            n += atomic_load(&board->core[c].outcome[i]);
        if (n)
            printf(" %s %" PRIu64, outcome_name((enum outcome)i), n);
    }
    for (uint32_t i = 0; i < atomic_load(&board->n_ports); i++)
        printf("\nport %s driver %s mode %s queues %u link %u", board->port[i].name,
               board->port[i].driver, board->port[i].mode, board->port[i].queues,
               atomic_load(&board->port[i].link_up));
    for (int c = 0; c < CORES_MAX; c++) {
        const uint64_t n = atomic_load(&board->core[c].frames_received);
        if (n > 0)
            printf("\ncore %d received %" PRIu64, c, n);
    }
    printf("\n");
}

// SIGUSR1, from here on, even if it comes before anybody waits for it.
static int take_requests(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(const char *path)
{
    int board[BOARD_SIDES];
    int link[2];
    struct board_control *control;
    struct board_dataplane *dataplane;
    if (board_create(board) != 0 || link_pair(link) != 0 ||
        board_map_control(board[BOARD_CONTROL], true, &control) != 0 ||
        board_map_dataplane(board[BOARD_DATAPLANE], true, &dataplane) != 0) {
        perror("board");
        return 2;
    }
    int control_read;
    board_reopen_read_only(board[BOARD_CONTROL], &control_read);
    publish_key(control);
    publish_clock(control, 0);

    const int fd[] = {config_fd(path), link[1], control_read, board[BOARD_DATAPLANE]};
    pid_t child = fork();
    if (child == 0) {
        close(link[0]);
        hand_over(fd, 4);
        exit(dataplane_main());
    }
    close(link[1]);
    const int requests = take_requests();
    struct pollfd said = {.fd = link[0], .events = POLLIN};
    struct link_message message;
    poll(&said, 1, -1);
    if (link_receive(link[0], 0, &message) == 1 && message.type == LINK_READY) {
        printf("%d ready\n", (int)child);
        fflush(stdout);
    }
    // Until our input ends, or the child does: then its end of the link is closed.
    struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = link[0], .events = 0},
                            {.fd = requests, .events = POLLIN}};
    bool lies = false;
    struct signalfd_siginfo request;
    while (poll(wait, 3, -1) > 0 && !wait[0].revents && !wait[1].revents &&
           read(requests, &request, sizeof request) == (ssize_t)sizeof request) {
        lies = !lies;
        publish_clock(control, lies ? HOUR_NS : 0);
    }
    kill(child, SIGTERM);
    int status;
    waitpid(child, &status, 0);
    print_counters(dataplane);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    fputs("usage: launch serve FILE\n", stderr);
    return 2;
}
