// The dataplane without supervisor and control: makes a board with one fixed key and a clock that
// is right, hands the descriptors over and runs the dataplane's door in a child.
//
//   launch serve FILE   prints "PID ready" once it serves; at the end of standard input sends
//                       SIGTERM, prints the counters and ends with the child's status
//   launch sweep FILE   what the supervisor does before each start
#include "board/board.h"
#include "board/handover.h"
#include "board/tsc.h"
#include "config/log.h"
#include "dataplane/dataplane.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

static ntp_time utc(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ntp_time_from_unix(now.tv_sec, (uint32_t)now.tv_nsec);
}

// A line through two moments; good to some microseconds for the seconds that a test takes.
static void publish_clock(struct board_control *board)
{
    ntp_time utc0 = utc();
    uint64_t tsc0 = tsc_now();
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    ntp_time utc1 = utc();
    uint64_t tsc1 = tsc_now();
    double rate = (double)(utc1 - utc0) / (double)(tsc1 - tsc0); // 2^-32 s a tick
    struct ntp_state state = {
        .line = {.tsc_base = tsc1,
                 .utc_base = utc1,
                 .rate = (uint64_t)ldexp(rate, CLOCK_RATE_SHIFT)},
        .tsc_hz = (uint64_t)ldexp(1 / rate, 32),
        .written_tsc = tsc1,
        .reference_time = utc1,
        .reference_id = 0x54455354,
        .stratum = 1,
        .precision = -20,
        .serving = 1,
    };
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
            printf(" %s %" PRIu64, outcome_text[i].name, n);
    }
    for (uint32_t i = 0; i < atomic_load(&board->n_ports); i++)
        printf("\nport %s driver %s mode %s queues %u link %u", board->port[i].name,
               board->port[i].driver, board->port[i].mode, board->port[i].queues,
               atomic_load(&board->port[i].link_up));
    printf("\n");
}

static int serve(const char *path)
{
    int control_fd;
    int dataplane_fd;
    int ke_fd;
    int lifeline[2];
    int ready[2];
    struct board_control *control;
    struct board_dataplane *dataplane;
    if (board_create(&control_fd, &dataplane_fd, &ke_fd) != 0 || pipe2(lifeline, O_CLOEXEC) != 0 ||
        pipe2(ready, O_CLOEXEC) != 0 || board_map_control(control_fd, true, &control) != 0 ||
        board_map_dataplane(dataplane_fd, true, &dataplane) != 0) {
        perror("board");
        return 2;
    }
    int control_read;
    board_reopen_read_only(control_fd, &control_read);
    publish_key(control);
    publish_clock(control);

    const int fd[] = {config_fd(path), lifeline[0], control_read, dataplane_fd, ready[1]};
    pid_t child = fork();
    if (child == 0) {
        close(lifeline[1]);
        hand_over(fd, 5);
        close(ready[1]);
        exit(dataplane_main());
    }
    close(ready[1]);
    char octet;
    if (read(ready[0], &octet, 1) == 1) {
        printf("%d ready\n", (int)child);
        fflush(stdout);
    }
    // Until our input ends, or the child does: then its end of the lifeline is closed.
    close(lifeline[0]);
    close(fd[1]);
    struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = lifeline[1], .events = 0}};
    poll(wait, 2, -1);
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
    if (argc == 3 && strcmp(argv[1], "sweep") == 0) {
        const int fd = config_fd(argv[2]);
        hand_over(&fd, 1);
        return dataplane_sweep();
    }
    fputs("usage: launch serve|sweep FILE\n", stderr);
    return 2;
}
