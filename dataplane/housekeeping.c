#include "dataplane/housekeeping.h"

#include "base/log.h"
#include "base/now.h"
#include "link/child.h"
#include "link/guard.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = CLOCK_RELAY_MS,
    TICKS_A_LOOK = WATCH_LOOK_MS / TICK_MS,
    TICKS_A_SECOND = 1000 / TICK_MS,
};
static_assert(WATCH_LOOK_MS % TICK_MS == 0, "a look takes whole ticks");

// Checks each core once. False when one is stuck.
static bool cores_turn(const struct housekeeping *house, struct watch *watch)
{
    static struct log_limit limit;
    for (uint32_t i = 0; i < house->n_loops; i++) {
        struct watch_look look;
        if (loop_look(house->loops[i], &look) != 0)
            continue;
        const char *name = loop_name(house->loops[i]);
        switch (watch_judge(&watch[i], &look)) {
        case WATCH_FINE:
            break;
        case WATCH_STARVED:
            log_limited(&limit, LOG_LEVEL_WARNING,
                        "%s gets no time on its CPU: another process keeps it busy", name);
            break;
        case WATCH_STUCK:
            log_error("%s is stuck (thread state %c); this process ends and is restarted", name,
                      look.state);
            return false;
        }
    }
    return true;
}

// Each core ignores a record of the board that is out of range; this logs it, so that the writer's
// bug is reported.
static void records_turn(const struct housekeeping *house)
{
    static struct log_limit limit;
    static uint64_t said[HOUSEKEEPING_LOOPS_MAX];
    for (uint32_t i = 0; i < house->n_loops; i++) {
        uint64_t refused = atomic_load_explicit(&loop_counters(house->loops[i])->records_refused,
                                                memory_order_relaxed);
        if (refused > said[i])
            log_limited(
                &limit, LOG_LEVEL_ERROR,
                "control published keys or a clock that are out of range: they are ignored, and "
                "the previous ones are still served; please report this");
        said[i] = refused;
    }
}

// Adds what the guard sockets have discarded since the last time, also while no dataplane ran.
static void guards_turn(const struct housekeeping *house)
{
    struct board_dataplane *board = house->board;
    for (int i = 0; i < GUARDS_MAX; i++) {
        uint32_t n;
        if (house->guard[i] < 0 || guard_discarded(house->guard[i], &n) != 0)
            continue;
        atomic_fetch_add_explicit(&board->guard_discarded, (uint32_t)(n - board->guard_seen[i]),
                                  memory_order_relaxed);
        board->guard_seen[i] = n;
    }
}

// False when a port must be opened anew.
static bool once_a_second(const struct housekeeping *house)
{
    static struct log_limit limit;
    if (!ports_refresh(house->ports, house->board))
        return false;
    records_turn(house);
    guards_turn(house);
    clients_second(house->clients);
    loop_free_policies(house->policy, house->loops, house->n_loops);
    for (uint32_t i = 0; i < house->n_loops; i++) {
        int fault = loop_reseed(house->loops[i]);
        if (fault)
            log_limited(&limit, LOG_LEVEL_WARNING, "the kernel gives no random octets: %s",
                        strerror(-fault));
    }
    return true;
}

static int open_timer(void)
{
    const struct timespec every = {.tv_nsec = TICK_MS * 1000000L};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer >= 0)
        timerfd_settime(timer, 0, &(struct itimerspec){every, every}, NULL);
    return timer;
}

// What there is to do each time. 0; or the result of housekeeping_run.
static int look_round(const struct housekeeping *house, struct watch *watch, uint64_t ticks)
{
    stamp_clock_turn(house->stamps);
    for (uint32_t i = 0; i < house->n_nic; i++)
        nic_clock_turn(&house->nic[i]);
    clock_relay_turn(house->clock);
    if (ticks % TICKS_A_LOOK != 0)
        return 0;
    atomic_store_explicit(&house->board->heartbeat, now_ns(), memory_order_relaxed);
    atomic_store_explicit(&house->board->log_lost, log_lost(), memory_order_relaxed);
    if (ticks % TICKS_A_SECOND == 0 && !once_a_second(house))
        return -ESTALE;
    return cores_turn(house, watch) ? 0 : -EDEADLK;
}

// Reads a message of the supervisor. False at the link's end.
static bool read_link(const struct housekeeping *house)
{
    struct link_message message;
    const enum child_heard heard = child_hear(1, &message);
    if (heard == CHILD_MESSAGE && !child_reload_hear(house->reload, &message)) {
        log_error(
            "the supervisor's message %u is not for the dataplane: ignored; please report this",
            message.type);
        link_close_descriptors(&message);
    }
    return heard != CHILD_ENDS;
}

int housekeeping_run(const struct housekeeping *house)
{
    struct watch watch[HOUSEKEEPING_LOOPS_MAX] = {0};
    const int timer = open_timer();
    if (timer < 0) {
        log_error("no timer: %s", strerror(errno));
        return -errno;
    }
    struct pollfd wait[] = {
        {.fd = timer, .events = POLLIN},
        {.fd = house->link, .events = POLLIN},
        {.fd = house->signals, .events = POLLIN},
        {.fd = ports_watch(house->ports), .events = POLLIN}, // poll ignores a negative descriptor
    };
    int result = 0;
    uint64_t ticked = 0;
    bool due = true; // counted by the timer alone: other events must not make time pass faster
    while (result == 0) {
        uint64_t ticks;
        if (due && (result = look_round(house, watch, ticked++)) != 0)
            break;
        while (poll(wait, sizeof wait / sizeof wait[0], -1) < 0 && errno == EINTR)
            continue;
        if (wait[2].revents || (wait[1].revents && !read_link(house)))
            break;
        if (wait[3].revents)
            ports_follow(house->ports);
        due = read(timer, &ticks, sizeof ticks) == (ssize_t)sizeof ticks;
        if (!due && errno != EAGAIN)
            result = -errno;
    }
    close(timer);
    return result;
}
