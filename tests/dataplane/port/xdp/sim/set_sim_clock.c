// set_sim_clock PID COMMAND: changes the simulated clock of that dataplane (sim_clock.h).
//
//   run PPB OFFSET   from now on it runs so much faster than CLOCK_MONOTONIC, OFFSET ns ahead
//   jump NS          it jumps
//   freeze           it stands still
//   wrap             it passes the end of 64 bits in half a second
//   off              it stamps nothing
#include "base/now.h"
#include "tests/dataplane/port/xdp/sim/sim_clock.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Its map: of the descriptors of that process, the one with that name. -1: none.
static int find(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    const int process = (int)syscall(SYS_pidfd_open, pid, 0);
    DIR *fds = opendir(path);
    int found = -1;
    for (struct dirent *entry; fds && found < 0 && (entry = readdir(fds));) {
        struct bpf_map_info info = {0};
        uint32_t len = sizeof info;
        const int fd =
            (int)syscall(SYS_pidfd_getfd, process, (int)strtol(entry->d_name, NULL, 10), 0);
        if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
            strcmp(info.name, SIM_CLOCK_MAP) == 0)
            found = fd;
        else if (fd >= 0)
            close(fd);
    }
    return found;
}

int main(int argc, char **argv)
{
    const uint32_t zero = 0;
    struct sim_clock clock;
    const int map = argc < 3 ? -1 : find(atoi(argv[1]));
    if (map < 0 || bpf_map_lookup_elem(map, &zero, &clock) != 0) {
        fprintf(stderr, "set_sim_clock: no such map, or no command\n");
        return 1;
    }
    const char *command = argv[2];
    const uint64_t now = now_ns();
    if (strcmp(command, "run") == 0 && argc == 5) {
        clock = (struct sim_clock){
            .mode = SIM_CLOCK_RUNS,
            .base = now,
            .offset = strtoull(argv[4], NULL, 10),
            .slope = (int64_t)(strtod(argv[3], NULL) * 4294967296e-9),
        };
    } else if (strcmp(command, "jump") == 0 && argc == 4) {
        clock.offset += (uint64_t)strtoll(argv[3], NULL, 10);
    } else if (strcmp(command, "freeze") == 0) {
        clock.offset = sim_clock_at(&clock, now);
        clock.mode = SIM_CLOCK_FROZEN;
    } else if (strcmp(command, "wrap") == 0) {
        clock.offset -= sim_clock_at(&clock, now) + 500000000;
    } else if (strcmp(command, "off") == 0) {
        clock.mode = SIM_CLOCK_OFF;
    } else {
        fprintf(stderr, "set_sim_clock: unknown command %s\n", command);
        return 1;
    }
    return bpf_map_update_elem(map, &zero, &clock, BPF_ANY) == 0 ? 0 : 1;
}
