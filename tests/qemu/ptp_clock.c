// ptp_clock DEVICE [READINGS]: reads a PHC beside the system's clocks (PTP_SYS_OFFSET_EXTENDED).
//
// For each clock that the kernel can read beside it, a line "realtime" or "monotonic_raw", then
// three numbers in nanoseconds for each reading: the clock before, the PHC, the clock after.
// "unsupported" when the kernel cannot; kernels before 6.12 read CLOCK_REALTIME only. Exit 1 when
// not even that.
#include <linux/ptp_clock.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int64_t nanoseconds(const struct ptp_clock_time *t)
{
    return t->sec * 1000000000 + t->nsec;
}

static int show(int fd, const char *name, clockid_t beside, unsigned readings)
{
    struct ptp_sys_offset_extended request = {.n_samples = readings};
    // The clock's id, since 6.12: older kernels want that word to be 0, as CLOCK_REALTIME is. It is
    // reserved in older headers, and has a name in newer ones.
    memcpy((uint8_t *)&request + sizeof request.n_samples, &beside, sizeof beside);
    if (ioctl(fd, PTP_SYS_OFFSET_EXTENDED, &request) != 0) {
        printf("%s unsupported: %s\n", name, strerror(errno));
        return -errno;
    }
    printf("%s", name);
    for (unsigned i = 0; i < request.n_samples; i++)
        printf(" %" PRId64 " %" PRId64 " %" PRId64, nanoseconds(&request.ts[i][0]),
               nanoseconds(&request.ts[i][1]), nanoseconds(&request.ts[i][2]));
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    unsigned readings = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    if (argc < 2 || readings == 0 || readings > PTP_MAX_SAMPLES) {
        fprintf(stderr, "usage: ptp_clock DEVICE [1 to %d]\n", PTP_MAX_SAMPLES);
        return 2;
    }
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    int fault = show(fd, "realtime", CLOCK_REALTIME, readings);
    show(fd, "monotonic_raw", CLOCK_MONOTONIC_RAW, readings);
    close(fd);
    return fault ? 1 : 0;
}
