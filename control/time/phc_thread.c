// The thread that reads a hardware clock.
#include "control/time/phc.h"

#include "base/now.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct phc {
    struct snapshot last; // struct phc_word; the thread writes, control's main thread reads
    uint64_t seen;        // of the main thread
    struct phc_word word; // of the main thread: its copy
    int fd;
    pthread_t thread;
};

static int read_device(void *self, struct phc_reading *readings, int n)
{
    return phc_read(((const struct phc *)self)->fd, CLOCK_REALTIME, readings, n);
}

static uint64_t monotonic_ns(void *self)
{
    (void)self;
    return now_ns();
}

static void *run(void *argument)
{
    struct phc *phc = argument;
    const struct phc_reader reader = {.self = phc, .read = read_device, .now_ns = monotonic_ns};
    struct phc_word word = {0};

    for (;;) {
        phc_read_once(&reader, &word, &phc->last);
        nanosleep(&(struct timespec){.tv_nsec = PHC_READ_MS * 1000000L}, NULL);
    }
    return NULL;
}

int phc_open(int fd, struct phc **out)
{
    struct phc *phc = aligned_alloc(_Alignof(struct phc), sizeof *phc);
    sigset_t all, before;

    if (phc == NULL)
        return -ENOMEM;
    *phc = (struct phc){.fd = fd};
    // Signals are the main thread's.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&phc->thread, NULL, run, phc);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(phc);
        return -error;
    }
    pthread_detach(phc->thread);
    *out = phc;
    return 0;
}

bool phc_last(struct phc *phc, struct phc_word *word)
{
    if (snapshot_moved(&phc->last, phc->seen))
        snapshot_read(&phc->last, &phc->word, sizeof phc->word, &phc->seen);
    if (phc->seen == 0)
        return false;
    *word = phc->word;
    return true;
}

void phc_close(struct phc *phc)
{
    (void)phc; // the thread goes on using it
}
