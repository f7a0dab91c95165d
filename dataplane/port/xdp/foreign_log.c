#include "dataplane/port/xdp/foreign_log.h"

#include "base/log.h"

#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

enum { LINE_MAX_LEN = 256 };

static struct {
    pthread_mutex_t lock; // protects all members below
    bool holding;
    char cause[LINE_MAX_LEN];
} foreign = {.lock = PTHREAD_MUTEX_INITIALIZER};

// Messages of healthy machines too, or messages that this program logs in better words.
static const char *const cosmetic[] = {
    "No free ",                           // hugepages of a size that is not needed
    "No bpffs found",                     // this program pins nothing
    "skipping unrecognized data section", // DWARF in our program
    "legacy map definition",
    "not supported by the kernel, using",
    "Link with device",
    "TELEMETRY",
    "Cannot create runtime directory", // not wanted
    "Couldn't enable unaligned",
    "lookup failed for NUMA",
    "Error loading BTF", // a kernel without BTF runs the program all the same
    "Skipped loading BTF",
    "BTF is optional",
    "libxdp: XDP flag not supported",
    "failed to send request to secondary", // there are no secondary processes
    "Failed to register mp action",        // likewise
};

static bool is_cosmetic(const char *text)
{
    for (size_t i = 0; i < sizeof cosmetic / sizeof cosmetic[0]; i++) {
        if (strstr(text, cosmetic[i]))
            return true;
    }
    return false;
}

// The caller holds the lock.
static void line_ended(const char *text)
{
    static struct log_limit limit;
    if (text[0] == '\0' || is_cosmetic(text))
        return;
    if (!foreign.holding)
        log_limited(&limit, LOG_LEVEL_WARNING, "%s", text);
    else if (foreign.cause[0] == '\0')
        snprintf(foreign.cause, sizeof foreign.cause, "%s", text);
}

void foreign_log_line(const char *text)
{
    pthread_mutex_lock(&foreign.lock);
    line_ended(text);
    pthread_mutex_unlock(&foreign.lock);
}

__attribute__((format(printf, 1, 0))) static void from_library(const char *format, va_list args)
{
    char text[LINE_MAX_LEN];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    foreign_log_line(text);
}

__attribute__((format(printf, 2, 0))) static int from_libbpf(enum libbpf_print_level level,
                                                             const char *format, va_list args)
{
    if (level == LIBBPF_WARN)
        from_library(format, args);
    return 0;
}

__attribute__((format(printf, 2, 0))) static int from_libxdp(enum libxdp_print_level level,
                                                             const char *format, va_list args)
{
    if (level == LIBXDP_WARN)
        from_library(format, args);
    return 0;
}

void foreign_log_route(void)
{
    libbpf_set_print(from_libbpf);
    libxdp_set_print(from_libxdp);
}

void foreign_log_hold(void)
{
    pthread_mutex_lock(&foreign.lock);
    foreign.holding = true;
    foreign.cause[0] = '\0';
    pthread_mutex_unlock(&foreign.lock);
}

const char *foreign_log_cause(void)
{
    return foreign.cause;
}

void foreign_log_release(void)
{
    pthread_mutex_lock(&foreign.lock);
    foreign.holding = false;
    pthread_mutex_unlock(&foreign.lock);
}
