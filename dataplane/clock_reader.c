#include "dataplane/clock_reader.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { END_MS = 500 };

struct clock_reader {
    struct snapshot last; // struct clock_word; writer: the thread; reader: housekeeping
    uint64_t seen;        // of housekeeping
    const struct port_clock *clock;
    _Atomic bool must_stop; // writer: housekeeping; reader: the thread
    pthread_t thread;
};

static void *run(void *argument)
{
    struct clock_reader *reader = argument;
    struct clock_word word = {0};
    while (!atomic_load_explicit(&reader->must_stop, memory_order_relaxed)) {
        word.fault = reader->clock->read(reader->clock->self, &word.sample);
        word.n += word.fault == 0;
        snapshot_publish(&reader->last, &word, sizeof word);
        nanosleep(&(struct timespec){.tv_nsec = CLOCK_READER_MS * 1000000L}, NULL);
    }
    return NULL;
}

int clock_reader_open(const struct port_clock *clock, struct clock_reader **out)
{
    struct clock_reader *reader = aligned_alloc(_Alignof(struct clock_reader), sizeof *reader);
    sigset_t all;
    sigset_t before;
    if (!reader)
        return -ENOMEM;
    *reader = (struct clock_reader){.clock = clock};
    // Signals are the main thread's.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int fault = pthread_create(&reader->thread, NULL, run, reader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (fault) {
        free(reader);
        return -fault;
    }
    *out = reader;
    return 0;
}

bool clock_reader_take(struct clock_reader *reader, struct clock_word *word)
{
    return snapshot_moved(&reader->last, reader->seen) &&
           snapshot_read(&reader->last, word, sizeof *word, &reader->seen);
}

void clock_reader_close(struct clock_reader *reader)
{
    struct timespec until;
    if (!reader)
        return;
    atomic_store_explicit(&reader->must_stop, true, memory_order_relaxed);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += END_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_timedjoin_np(reader->thread, NULL, &until) == 0)
        free(reader);
}
