// The thread that reads a hardware clock, and how it reads it.
#include "control/time/phc.h"

#include "base/now.h"

#include <errno.h>
#include <linux/ptp_clock.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct phc {
    struct snapshot last; // struct phc_word; the thread writes, control's main thread reads
    uint64_t seen;        // of the main thread
    struct phc_word word; // of the main thread: its copy
    int fd;
    pthread_t thread;
};

static int64_t ns_of(const struct ptp_clock_time *t)
{
    return t->sec * 1000000000 + t->nsec;
}

// The device itself takes both times at once: hardly any width. Few devices can.
static int read_precise(int fd, struct phc_reading *reading)
{
    struct ptp_sys_offset_precise offset = {0};

    if (ioctl(fd, PTP_SYS_OFFSET_PRECISE, &offset) != 0)
        return -errno;
    const int64_t system_ns = ns_of(&offset.sys_realtime);
    *reading = (struct phc_reading){system_ns, ns_of(&offset.device), system_ns};
    return 1;
}

static int read_extended(int fd, struct phc_reading *readings, int n)
{
    struct ptp_sys_offset_extended offset = {.n_samples = (unsigned)n};

    if (ioctl(fd, PTP_SYS_OFFSET_EXTENDED, &offset) != 0)
        return -errno;
    for (int i = 0; i < n; i++)
        readings[i] = (struct phc_reading){ns_of(&offset.ts[i][0]), ns_of(&offset.ts[i][1]),
                                           ns_of(&offset.ts[i][2])};
    return n;
}

// Old drivers: the readings of the system's clock are further away, by what the driver does
// besides.
static int read_plain(int fd, struct phc_reading *readings, int n)
{
    struct ptp_sys_offset offset = {.n_samples = (unsigned)n};

    if (ioctl(fd, PTP_SYS_OFFSET, &offset) != 0)
        return -errno;
    for (int i = 0; i < n; i++)
        readings[i] = (struct phc_reading){ns_of(&offset.ts[2 * i]), ns_of(&offset.ts[2 * i + 1]),
                                           ns_of(&offset.ts[2 * i + 2])};
    return n;
}

static bool is_not_known(int result)
{
    return result == -EOPNOTSUPP || result == -ENOTTY || result == -EINVAL;
}

static int read_device(void *self, struct phc_reading *readings, int n)
{
    const int fd = ((const struct phc *)self)->fd;

    int result = read_precise(fd, readings);
    if (is_not_known(result))
        result = read_extended(fd, readings, n);
    if (is_not_known(result))
        result = read_plain(fd, readings, n);
    return result;
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
