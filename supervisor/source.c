// Opening what control asks for the time.
//
// chronyd has a Unix socket, too. Only root and chronyd's user can use it, an answer needs a socket
// file of the client's own in chronyd's directory, and both end with each restart of chronyd. Its
// UDP port tells the same to any local program, and outlives restarts.
#include "supervisor/source.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool source_has_descriptor(const struct config *config)
{
    return config->time.source == TIME_CHRONYD || config->time.source == TIME_PHC;
}

static int open_phc(const char *path)
{
    struct ptp_clock_caps caps;

    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && ioctl(fd, PTP_CLOCK_GETCAPS, &caps) == 0)
        return fd;
    const int error = errno;
    if (fd < 0)
        log_error("cannot open %s (time.source): %s; 'ls /dev/ptp*' and 'ethtool -T' show what "
                  "clocks there are",
                  path, strerror(error));
    else
        log_error("%s (time.source) is no hardware clock: %s; name a /dev/ptpN", path,
                  strerror(error));
    if (fd >= 0)
        close(fd);
    return -error;
}

// Connected, so that the kernel takes datagrams from nowhere else, and says when nobody listens.
static int open_chronyd(const struct config *config)
{
    const struct config_listen *at = &config->time.chronyd;
    int error = 0;

    const int fd = socket(at->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at->address, at->len) == 0)
        return fd;
    error = errno;
    log_error("cannot reach %s (time.chronyd): %s; is the interface lo up?", at->text,
              strerror(error));
    if (fd >= 0)
        close(fd);
    return -error;
}

int source_open(const struct config *config)
{
    return config->time.source == TIME_PHC ? open_phc(config->time.phc) : open_chronyd(config);
}
