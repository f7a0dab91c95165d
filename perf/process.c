#include "perf/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
    uint32_t pid, parent;
    uint64_t ticks;
    bool inside;
};

// /proc/PID/stat: the name in parentheses can contain any characters, so the fields after its end
// are counted.
static bool read_entry(uint32_t pid, struct entry *entry)
{
    char path[32];
    char line[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t len = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *rest = strrchr(line, ')');
    unsigned long long user, system, child_user, child_system;
    uint32_t parent;
    if (!rest || sscanf(rest + 1, " %*c %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %llu %llu",
                        &parent, &user, &system, &child_user, &child_system) != 5)
        return false;
    *entry = (struct entry){pid, parent, user + system + child_user + child_system, false};
    return true;
}

static struct entry *read_all(size_t *n)
{
    DIR *dir = opendir("/proc");
    struct entry *all = NULL;
    size_t room = 0;
    *n = 0;
    if (!dir)
        return NULL;
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        char *end;
        unsigned long pid = strtoul(d->d_name, &end, 10);
        if (end == d->d_name || *end != '\0')
            continue;
        if (*n == room) {
            room = room * 2 + 64;
            struct entry *more = realloc(all, room * sizeof *all);
            if (!more)
                break;
            all = more;
        }
        *n += read_entry((uint32_t)pid, &all[*n]);
    }
    closedir(dir);
    return all;
}

bool process_cpu(uint32_t pid, double *seconds)
{
    size_t n;
    struct entry *all = read_all(&n);
    uint64_t ticks = 0;
    bool found = false;
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < n; i++) {
            bool inside = all[i].pid == pid;
            for (size_t k = 0; k < n && !inside; k++)
                inside = all[k].inside && all[k].pid == all[i].parent;
            if (!inside || all[i].inside)
                continue;
            all[i].inside = grew = found = true;
            ticks += all[i].ticks;
        }
    }
    free(all);
    if (found)
        *seconds = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return found;
}
