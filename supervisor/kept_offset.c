#include "supervisor/kept_offset.h"

#include "base/now.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MAGIC = 0x6e6d6b31,        // another layout gets another number
    WIDEST_NS = NOW_NS_PER_MS, // between the bounds; readings leave some microseconds
};

struct record {
    uint64_t magic;
    struct wall_offset offset;
};

int kept_offset_make(void)
{
    const int fd = memfd_create("noonmark-clock", MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

bool kept_offset_read(int fd, struct wall_offset *offset)
{
    struct record record = {0};

    if (pread(fd, &record, sizeof record, 0) != sizeof record || record.magic != MAGIC)
        return false;
    // They came from the dataplane, which faces strangers.
    const uint64_t width = (uint64_t)record.offset.most_ns - (uint64_t)record.offset.least_ns;
    if (record.offset.most_ns < record.offset.least_ns || width > WIDEST_NS ||
        record.offset.since_ns == 0 || record.offset.since_ns > now_ns())
        return false;
    *offset = record.offset;
    return true;
}

void kept_offset_write(int fd, const struct wall_offset *offset)
{
    const struct record record = {.magic = MAGIC, .offset = *offset};
    (void)!pwrite(fd, &record, sizeof record, 0);
}
