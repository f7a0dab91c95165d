// Files, and lists of CPUs.
#include "ctl/doctor/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 4, 0))) static int
read_list(const struct machine *m, char *text, size_t size, const char *format, va_list arguments)
{
    char path[PATH_MAX];
    text[0] = '\0';
    const int root = snprintf(path, sizeof path, "%s/", m->root);
    const int more = vsnprintf(path + root, sizeof path - (size_t)root, format, arguments);
    if (more < 0 || (size_t)more >= sizeof path - (size_t)root)
        return -ENAMETOOLONG;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t len = 0;
    ssize_t n = 0;
    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    const int fault = n < 0 ? -errno : 0;
    close(fd);
    if (fault)
        len = 0;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    return fault ? fault : (int)len;
}

int machine_read(const struct machine *m, char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int result = read_list(m, text, size, format, arguments);
    va_end(arguments);
    return result;
}

int machine_number(const struct machine *m, int64_t *number, const char *format, ...)
{
    char text[32], *end;
    va_list arguments;
    va_start(arguments, format);
    const int result = read_list(m, text, sizeof text, format, arguments);
    va_end(arguments);
    if (result < 0)
        return result;
    const int64_t value = strtoll(text, &end, 10);
    if (end == text)
        return -EINVAL;
    *number = value;
    return 0;
}

bool cpu_list_has(const char *list, unsigned cpu)
{
    while (isdigit((unsigned char)*list)) {
        char *end;
        const unsigned long first = strtoul(list, &end, 10);
        unsigned long last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (cpu >= first && cpu <= last)
            return true;
        list = end + (*end == ',');
    }
    return false;
}

static void append(char *text, size_t size, unsigned first, unsigned last)
{
    const size_t len = strlen(text);
    const char *comma = len > 0 ? "," : "";
    if (first == last)
        snprintf(text + len, size - len, "%s%u", comma, first);
    else
        snprintf(text + len, size - len, "%s%u-%u", comma, first, last);
}

// Writes the CPUs of which `has` is true.
static void write_list(bool (*has)(const struct config *config, const char *list, unsigned cpu),
                       const struct config *config, const char *list, char *text, size_t size)
{
    text[0] = '\0';
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        unsigned last = cpu;
        if (!has(config, list, cpu))
            continue;
        while (last + 1 < CPUS_MAX && has(config, list, last + 1))
            last++;
        append(text, size, cpu, last);
        cpu = last;
    }
}

static bool is_core(const struct config *config, const char *list, unsigned cpu)
{
    (void)list;
    for (uint32_t i = 0; i < config->dataplane.n_cores; i++)
        if (config->dataplane.cores[i] == cpu)
            return true;
    return false;
}

static bool is_other(const struct config *config, const char *list, unsigned cpu)
{
    return cpu_list_has(list, cpu) && !is_core(config, list, cpu);
}

void cpu_list_of_cores(const struct config *config, char *text, size_t size)
{
    write_list(is_core, config, NULL, text, size);
}

void cpu_list_without_cores(const struct config *config, const char *list, char *text, size_t size)
{
    write_list(is_other, config, list, text, size);
}

const json_t *machine_port(const json_t *object, const char *name)
{
    size_t i;
    json_t *port;
    json_array_foreach(json_object_get(object, "ports"), i, port)
    {
        const char *is = json_string_value(json_object_get(port, "name"));
        if (is != NULL && strcmp(is, name) == 0)
            return port;
    }
    return NULL;
}

bool machine_runs(const struct machine *m, const char *name)
{
    char path[PATH_MAX], comm[32];
    bool found = false;

    snprintf(path, sizeof path, "%s/proc", m->root);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (const struct dirent *at; !found && (at = readdir(folder)) != NULL;)
        found = isdigit((unsigned char)at->d_name[0]) &&
                machine_read(m, comm, sizeof comm, "proc/%s/comm", at->d_name) > 0 &&
                strcmp(comm, name) == 0;
    closedir(folder);
    return found;
}
