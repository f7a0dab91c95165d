// A bounded queue with many producers and one consumer: each slot says by its turn whose it is.
#include "base/log_writer.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 64,
    STACK_LEN = 256 * 1024,
    FLUSH_MS = 1000,
    RETRY_MS = 20, // somebody else has made stderr non-blocking, and it is full
};

enum way {
    DIRECT,  // a command line: a person waits for the text
    THREAD,  // a server
    NO_WAIT, // a server without the thread: it cannot be had, or this is a fork's child
};

static struct {
    struct slot {
        _Atomic uint64_t turn; // n: free for line n; n + 1: line n is there
        unsigned long lost;    // lines lost before this one
        size_t len;
        char text[LOG_LINE_MAX];
    } slot[SLOTS];
    _Atomic uint64_t put;       // lines taken in; moved by producers
    _Atomic uint64_t written;   // lines done with; moved by the thread, read by flush
    _Atomic unsigned long lost; // and not yet said; producers and the thread
    _Atomic uint64_t lost_ever; // read by any thread
    _Atomic int way;            // set before there are other threads
    sem_t filled;               // posted once a line; may be posted in a signal handler
    sem_t started;
    log_writer_lost_line *lost_line;
} ring;

static void nap(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void lose_one(void)
{
    atomic_fetch_add_explicit(&ring.lost, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&ring.lost_ever, 1, memory_order_relaxed);
}

// Waits as long as it takes. False: it cannot be written.
static bool write_whole(const char *line, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(STDERR_FILENO, line, len);
        if (n >= 0) {
            line += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            nap(RETRY_MS);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

// A line no longer than PIPE_BUF, to a pipe that has room for as much: write does not wait.
static bool write_at_once(const char *line, size_t len)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0 &&
           write(STDERR_FILENO, line, len) == (ssize_t)len;
}

static void say_lost(unsigned long n)
{
    char line[LOG_LINE_MAX];

    if (n > 0 && !write_whole(line, ring.lost_line(line, n)))
        atomic_fetch_add_explicit(&ring.lost, n, memory_order_relaxed); // said later
}

static void write_all_there_is(uint64_t *next)
{
    for (;;) {
        struct slot *slot = &ring.slot[*next % SLOTS];
        // Acquire: the text is there with the turn. Partner: the release in enqueue.
        if (atomic_load_explicit(&slot->turn, memory_order_acquire) != *next + 1)
            break;
        say_lost(slot->lost);
        if (!write_whole(slot->text, slot->len))
            lose_one();
        // Release: we have read the slot before its next line comes. Partner: enqueue's acquire.
        atomic_store_explicit(&slot->turn, *next + SLOTS, memory_order_release);
        ++*next;
    }
    say_lost(atomic_exchange_explicit(&ring.lost, 0, memory_order_relaxed));
    atomic_store_explicit(&ring.written, *next, memory_order_relaxed);
}

static void *run(void *unused)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {0};
    uint64_t next = 0;

    (void)unused;
    syscall(SYS_capset, &head, none);
    sem_post(&ring.started);
    for (;;) {
        while (sem_wait(&ring.filled) != 0) {
        }
        write_all_there_is(&next);
    }
    return NULL;
}

static void enqueue(const char *line, size_t len)
{
    uint64_t n = atomic_load_explicit(&ring.put, memory_order_relaxed);
    struct slot *slot;

    for (;;) {
        slot = &ring.slot[n % SLOTS];
        const uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == n && atomic_compare_exchange_weak_explicit(
                             &ring.put, &n, n + 1, memory_order_relaxed, memory_order_relaxed))
            break;
        if (turn < n) { // the line of a whole round ago stands there still: full
            lose_one();
            return;
        }
        if (turn > n)
            n = atomic_load_explicit(&ring.put, memory_order_relaxed);
    }
    slot->lost = atomic_exchange_explicit(&ring.lost, 0, memory_order_relaxed);
    slot->len = len;
    memcpy(slot->text, line, len);
    atomic_store_explicit(&slot->turn, n + 1, memory_order_release);
    sem_post(&ring.filled);
}

static void forget_thread(void)
{
    atomic_store_explicit(&ring.way, NO_WAIT, memory_order_relaxed);
}

static int start_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int result = -pthread_attr_init(&attributes);

    if (result != 0)
        return result;
    pthread_attr_setstacksize(&attributes, STACK_LEN);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = -pthread_create(&thread, &attributes, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (result != 0)
        return result;
    pthread_setname_np(thread, "log");
    while (sem_wait(&ring.started) != 0) { // without capabilities from here on
    }
    return 0;
}

int log_writer_start(log_writer_lost_line *lost_line)
{
    ring.lost_line = lost_line;
    for (uint64_t i = 0; i < SLOTS; i++)
        atomic_store_explicit(&ring.slot[i].turn, i, memory_order_relaxed);
    sem_init(&ring.filled, 0, 0);
    sem_init(&ring.started, 0, 0);
    int result = -pthread_atfork(NULL, NULL, forget_thread);
    if (result == 0)
        result = start_thread();
    atomic_store_explicit(&ring.way, result == 0 ? THREAD : NO_WAIT, memory_order_relaxed);
    if (result == 0)
        atexit(log_writer_flush);
    return result;
}

void log_writer_put(const char *line, size_t len)
{
    switch ((enum way)atomic_load_explicit(&ring.way, memory_order_relaxed)) {
    case DIRECT:
        (void)write_whole(line, len); // nobody reads: there is nowhere to say so
        break;
    case THREAD:
        enqueue(line, len);
        break;
    case NO_WAIT:
        if (!write_at_once(line, len))
            lose_one();
        break;
    }
}

void log_writer_flush(void)
{
    if (atomic_load_explicit(&ring.way, memory_order_relaxed) != THREAD)
        return;
    const uint64_t all = atomic_load_explicit(&ring.put, memory_order_relaxed);
    for (int ms = 0; ms < FLUSH_MS; ms++) {
        if (atomic_load_explicit(&ring.written, memory_order_relaxed) >= all)
            return;
        nap(1);
    }
}

uint64_t log_writer_lost(void)
{
    return atomic_load_explicit(&ring.lost_ever, memory_order_relaxed);
}
