#include "control/errands.h"

#include "base/log.h"
#include "base/now.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 16 }; // handled at once; more events wait for the next turn

int errands_watch(const struct errand *errands, size_t n, int *epoll)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int result = fd < 0 ? -errno : 0;
    const char *what = "epoll";
    for (size_t i = 0; i < n && result == 0; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        if (errands[i].fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, errands[i].fd, &event) == 0)
            continue;
        result = -errno;
        what = errands[i].name;
    }
    if (result < 0) {
        log_error("cannot wait for %s: %s", what, strerror(-result));
        if (fd >= 0)
            close(fd);
        return result;
    }
    *epoll = fd;
    return 0;
}

// Milliseconds to sleep before the first errand is due, rounded up.
static int sleep_ms(const struct errand *errands, size_t n, unsigned longest_ms)
{
    uint64_t now = now_ns();
    uint64_t due = ERRAND_NEVER;
    for (size_t i = 0; i < n; i++)
        due = errands[i].due_ns < due ? errands[i].due_ns : due;
    if (due <= now)
        return 0;
    uint64_t ms = (due - now - 1) / NOW_NS_PER_MS + 1;
    return (int)(ms < longest_ms ? ms : longest_ms);
}

void errands_turn(struct errand *errands, size_t n, int epoll, unsigned longest_ms,
                  struct control *control)
{
    struct epoll_event events[EVENTS];
    uint64_t called = 0; // the errands whose descriptors are ready, one bit each
    assert(n <= 64);
    int n_events = epoll_wait(epoll, events, EVENTS, sleep_ms(errands, n, longest_ms));
    for (int i = 0; i < n_events; i++)
        called |= UINT64_C(1) << events[i].data.u32;

    uint64_t now = now_ns();
    for (size_t i = 0; i < n; i++)
        if (now >= errands[i].due_ns || (called >> i & 1) != 0)
            errands[i].due_ns = errands[i].turn(control, now);
}
