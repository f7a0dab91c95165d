// The three ways in which kernels and drivers can be asked, the best one first.
#include "base/phc_read.h"

#include <errno.h>
#include <linux/ptp_clock.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

static int64_t ns_of(const struct ptp_clock_time *t)
{
    return t->sec * 1000000000 + t->nsec;
}

// The device itself takes both times at once: hardly any width. Few devices can.
static int read_precise(int fd, clockid_t beside, struct phc_reading *reading)
{
    struct ptp_sys_offset_precise offset = {0};

    if (ioctl(fd, PTP_SYS_OFFSET_PRECISE, &offset) != 0)
        return -errno;
    const int64_t system_ns =
        ns_of(beside == CLOCK_REALTIME ? &offset.sys_realtime : &offset.sys_monoraw);
    *reading = (struct phc_reading){system_ns, ns_of(&offset.device), system_ns};
    return 1;
}

static int read_extended(int fd, clockid_t beside, struct phc_reading *readings, int n)
{
    struct ptp_sys_offset_extended offset = {.n_samples = (unsigned)n};

    // The clock's id, since 6.12: older kernels want that word to be 0, as CLOCK_REALTIME is. It is
    // reserved in older headers, and has a name in newer ones.
    memcpy((uint8_t *)&offset + sizeof offset.n_samples, &beside, sizeof beside);
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

bool phc_is(int fd)
{
    struct ptp_clock_caps caps;
    return ioctl(fd, PTP_CLOCK_GETCAPS, &caps) == 0;
}

bool phc_is_not_known(int result)
{
    return result == -EOPNOTSUPP || result == -ENOTTY || result == -EINVAL;
}

int phc_read(int fd, clockid_t beside, struct phc_reading *readings, int n)
{
    int result = read_precise(fd, beside, readings);
    if (phc_is_not_known(result))
        result = read_extended(fd, beside, readings, n);
    if (phc_is_not_known(result) && beside == CLOCK_REALTIME)
        result = read_plain(fd, readings, n);
    return result;
}

static int64_t width_of(const struct phc_reading *reading)
{
    return reading->after_ns - reading->before_ns;
}

const struct phc_reading *phc_narrowest(const struct phc_reading *readings, int n)
{
    const struct phc_reading *best = NULL;

    for (int i = 0; i < n; i++)
        if (width_of(&readings[i]) >= 0 &&
            (best == NULL || width_of(&readings[i]) < width_of(best)))
            best = &readings[i];
    return best;
}
