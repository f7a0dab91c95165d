// The log of tests.
#include "tests/control/log_recorder.h"

#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char lines[65536];
static size_t len;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void record(const char *level, const char *format, va_list args)
{
    pthread_mutex_lock(&lock);
    if (len < sizeof lines / 2) {
        len += (size_t)snprintf(lines + len, 16, "%s", level);
        len += (size_t)vsnprintf(lines + len, sizeof lines / 4, format, args);
        len += (size_t)snprintf(lines + len, 2, "\n");
    }
    pthread_mutex_unlock(&lock);
}

void log_recorder_clear(void)
{
    pthread_mutex_lock(&lock);
    len = 0;
    lines[0] = '\0';
    pthread_mutex_unlock(&lock);
}

bool log_recorder_has(const char *text)
{
    pthread_mutex_lock(&lock);
    bool has = strstr(lines, text) != NULL;
    pthread_mutex_unlock(&lock);
    return has;
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record("error: ", format, args);
    va_end(args);
}

void log_warning(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record("warning: ", format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record("info: ", format, args);
    va_end(args);
}

// Nothing is left out: a test wants every line.
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    (void)limit;
    va_list args;
    va_start(args, format);
    record(level == LOG_LEVEL_ERROR     ? "error: "
           : level == LOG_LEVEL_WARNING ? "warning: "
                                        : "info: ",
           format, args);
    va_end(args);
}
