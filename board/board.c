// Making and mapping the board's memfds.
//
// The seals forbid shrinking, growing and further seals: a process that truncated the file would
// kill the other one with SIGBUS. F_SEAL_FUTURE_WRITE is not set, since a restarted writer could
// not map the file; a reader cannot write because of its descriptor and of the file's owner and
// mode.
#include "board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U // Linux 6.3; older headers do not have it
#endif

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static int create(const char *name, size_t len, int *out)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) // a kernel before 6.3
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)len) < 0 ||
        fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

int board_create(int fd[BOARD_SIDES])
{
    static const struct {
        const char *name;
        size_t len;
    } side[BOARD_SIDES] = {
        [BOARD_CONTROL] = {"noonmark-control", sizeof(struct board_control)},
        [BOARD_DATAPLANE] = {"noonmark-dataplane", sizeof(struct board_dataplane)},
        [BOARD_KE] = {"noonmark-ke", sizeof(struct board_ke)},
        [BOARD_FACTS] = {"noonmark-facts", sizeof(struct board_facts)},
        [BOARD_METRICS] = {"noonmark-metrics", sizeof(struct board_metrics)},
        [BOARD_ETCD] = {"noonmark-etcd", sizeof(struct board_etcd)},
    };
    int made[BOARD_SIDES];
    for (int i = 0; i < BOARD_SIDES; i++) {
        int err = create(side[i].name, side[i].len, &made[i]);
        if (err < 0) {
            while (i-- > 0)
                close(made[i]);
            return err;
        }
    }
    memcpy(fd, made, sizeof made);
    return 0;
}

int board_reopen_read_only(int fd, int *read_only_fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int copy = open(path, O_RDONLY | O_CLOEXEC);
    if (copy < 0)
        return -errno;
    *read_only_fd = copy;
    return 0;
}

// Maps the first mapped_len octets of a side that has len octets.
static int map_part(int fd, bool writable, size_t len, size_t mapped_len, void **out)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) < 0)
        return -errno;
    // A reader with a writable descriptor could make its mapping writable at any time.
    if ((flags & O_ACCMODE) != (writable ? O_RDWR : O_RDONLY))
        return -EACCES;
    // Another size means the board of another build: its fields would be misread.
    int seals = fcntl(fd, F_GET_SEALS);
    if (st.st_size != (off_t)len || seals < 0 || (seals & SEALS) != SEALS)
        return -EINVAL;

    void *at =
        mmap(NULL, mapped_len, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    // Both are best effort: RLIMIT_MEMLOCK may be small, and the server works without the lock.
    (void)mlock(at, mapped_len);
    (void)madvise(at, mapped_len, MADV_DONTDUMP);
    *out = at;
    return 0;
}

static int map(int fd, bool writable, size_t len, void **out)
{
    return map_part(fd, writable, len, len, out);
}

int board_map_control(int fd, bool writable, struct board_control **board)
{
    void *at;
    int err = map(fd, writable, sizeof **board, &at);
    if (err == 0)
        *board = at;
    return err;
}

int board_map_control_head(int fd, const struct board_control **board)
{
    void *at;
    int err = map_part(fd, false, sizeof **board, offsetof(struct board_control, keyring), &at);
    if (err == 0)
        *board = at;
    return err;
}

int board_map_dataplane(int fd, bool writable, struct board_dataplane **board)
{
    void *at;
    int err = map(fd, writable, sizeof **board, &at);
    if (err == 0)
        *board = at;
    return err;
}

int board_map_ke(int fd, bool writable, struct board_ke **board)
{
    void *at;
    int err = map(fd, writable, sizeof **board, &at);
    if (err == 0)
        *board = at;
    return err;
}

int board_map_facts(int fd, bool writable, struct board_facts **board)
{
    void *at;
    int err = map(fd, writable, sizeof **board, &at);
    if (err == 0)
        *board = at;
    return err;
}

int board_map_metrics(int fd, bool writable, struct board_metrics **board)
{
    void *at;
    int err = map(fd, writable, sizeof **board, &at);
    if (err == 0)
        *board = at;
    return err;
}

int board_map_etcd(int fd, bool writable, struct board_etcd **board)
{
    void *at;
    int err = map(fd, writable, sizeof **board, &at);
    if (err == 0)
        *board = at;
    return err;
}

void board_unmap_control(struct board_control *board)
{
    if (board != NULL)
        munmap(board, sizeof *board);
}

void board_unmap_control_head(const struct board_control *board)
{
    if (board != NULL)
        munmap((void *)board, offsetof(struct board_control, keyring));
}

void board_unmap_dataplane(struct board_dataplane *board)
{
    if (board != NULL)
        munmap(board, sizeof *board);
}

void board_unmap_ke(struct board_ke *board)
{
    if (board != NULL)
        munmap(board, sizeof *board);
}

void board_unmap_facts(struct board_facts *board)
{
    if (board != NULL)
        munmap(board, sizeof *board);
}

void board_unmap_metrics(struct board_metrics *board)
{
    if (board != NULL)
        munmap(board, sizeof *board);
}

void board_unmap_etcd(struct board_etcd *board)
{
    if (board != NULL)
        munmap(board, sizeof *board);
}

// Partner: the release in dataplane.c's show().
bool board_dataplane_runs(const struct board_dataplane *board)
{
    return atomic_load_explicit(&board->version, memory_order_acquire) != 0;
}

bool board_clock(const struct snapshot *state, const struct board_dataplane *dataplane,
                 struct ntp_state *clock)
{
    struct ntp_state_view view = {0};
    view.state.leap = LEAP_UNKNOWN;
    ntp_state_refresh(state, &view);
    const bool doubted = board_dataplane_runs(dataplane) &&
                         atomic_load_explicit(&dataplane->clock_doubted, memory_order_relaxed) != 0;
    if (doubted)
        view.state.leap = LEAP_UNKNOWN;
    if (view.state.leap == LEAP_UNKNOWN)
        view.state.stratum = 0;
    *clock = view.state;
    return !doubted;
}

struct key_count board_key_count(const struct board_dataplane *dataplane, const struct board_ke *ke,
                                 uint32_t id)
{
    struct key_count sum = {0};
    const uint32_t n = atomic_load_explicit(&dataplane->n_cores, memory_order_relaxed);
    for (uint32_t i = 0; i < n && i < CORES_MAX; i++)
        key_counters_read(&dataplane->core_keys[i], id, &sum);
    key_counters_read(&dataplane->kernel_path_keys, id, &sum);
    key_counters_read(&ke->keys, id, &sum);
    return sum;
}
