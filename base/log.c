// Log lines: formatted on the stack, made one line, given to the writer.
#include "base/log.h"

#include "base/log_writer.h"
#include "base/printable.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_SECONDS = 10 };

static const char *speaker = "noonmarkd";
static bool journal;
static bool server;                        // lines say when
static _Atomic int shown = LOG_LEVEL_INFO; // written by log_set_level, read by all threads

// The buffer for this thread's errors; text NULL: errors are written to the log.
static _Thread_local struct {
    char *text;
    size_t size;
} divert;

// systemd sets JOURNAL_STREAM=DEVICE:INODE; the journal reads stderr only if that names our stderr.
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *who)
{
    speaker = who;
    journal = stderr_is_journal();
}

bool log_set_level(const char *level)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO}};

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(level, levels[i].name) == 0) {
            atomic_store_explicit(&shown, (int)levels[i].level, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

void log_divert(char *text, size_t size)
{
    divert.text = text;
    divert.size = size;
    if (text)
        text[0] = '\0';
}

// What stands before a line: its time in UTC (ISO 8601), in milliseconds. By arithmetic: gmtime_r
// reads a file and takes a lock. The length.
static size_t write_time(char *at, size_t room)
{
    static const int before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 366};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const long second = now.tv_sec > 0 ? now.tv_sec % 86400 : 0;
    int day = now.tv_sec > 0 ? (int)(now.tv_sec / 86400) : 0, year = 1970, month = 12;
    bool leap;

    for (;; year++) {
        leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (day < 365 + leap)
            break;
        day -= 365 + leap;
    }
    while (day < before_month[month - 1] + (leap && month > 2))
        month--;
    day -= before_month[month - 1] + (leap && month > 2);
    return (size_t)snprintf(at, room, "%04d-%02d-%02dT%02ld:%02ld:%02ld.%03ldZ ", year, month,
                            day + 1, second / 3600, second / 60 % 60, second % 60,
                            now.tv_nsec / 1000000);
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error: ";
    case LOG_LEVEL_WARNING:
        return "warning: ";
    case LOG_LEVEL_INFO:
        break;
    }
    return "";
}

__attribute__((format(printf, 1, 0))) static void divert_error(const char *format,
                                                               va_list arguments)
{
    if (divert.text[0] != '\0')
        return; // the first error is the cause, later ones follow from it
    vsnprintf(divert.text, divert.size, format, arguments);
    printable(divert.text, strlen(divert.text));
}

// The journal has a time of its own, and the level as a number. The length.
static size_t write_head(char *line, size_t room, enum log_level level)
{
    size_t len = 0;
    if (journal)
        len = (size_t)snprintf(line, room, "<%d>", (int)level);
    else if (server)
        len = write_time(line, room);
    return len + (size_t)snprintf(line + len, room - len, "%s: %s", speaker,
                                  journal ? "" : level_word(level));
}

__attribute__((format(printf, 3, 0))) static void
write_line(enum log_level level, unsigned long left_out, const char *format, va_list arguments)
{
    if ((int)level > atomic_load_explicit(&shown, memory_order_relaxed))
        return;
    if (level == LOG_LEVEL_ERROR && divert.text) {
        divert_error(format, arguments);
        return;
    }
    char line[LOG_LINE_MAX];
    const size_t room = sizeof line - 1; // the last octet is the newline's
    size_t len = write_head(line, room, level);
    const size_t text = len;
    const int n = vsnprintf(line + len, room - len, format, arguments);
    if (n > 0)
        len += (size_t)n;
    if (len >= room)
        len = room - 1;
    if (left_out > 0) {
        const int more = snprintf(line + len, room - len, " (%lu more like this)", left_out);
        len += (size_t)more;
        if (len >= room)
            len = room - 1;
    }
    // A message may quote text from outside: that text must not start a second line or send control
    // characters to a terminal.
    printable(line + text, len - text);
    line[len++] = '\n';
    log_writer_put(line, len);
}

static size_t lost_line(char line[LOG_LINE_MAX], unsigned long n)
{
    size_t len = write_head(line, LOG_LINE_MAX, LOG_LEVEL_WARNING);
    len += (size_t)snprintf(line + len, LOG_LINE_MAX - len,
                            "%lu line%s of log %s lost: standard error was not read in time, or "
                            "could not be written\n",
                            n, n == 1 ? "" : "s", n == 1 ? "was" : "were");
    return len;
}

void log_start(void)
{
    server = true;
    const int result = log_writer_start(lost_line);
    if (result < 0)
        log_warning("no thread for the log: %s; lines are lost while standard error is not read",
                    strerror(-result));
}

void log_flush(void)
{
    log_writer_flush();
}

uint64_t log_lost(void)
{
    return log_writer_lost();
}

void log_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_LEVEL_ERROR, 0, format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_LEVEL_WARNING, 0, format, arguments);
    va_end(arguments);
}

void log_info(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_LEVEL_INFO, 0, format, arguments);
    va_end(arguments);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    const long long now = ts.tv_sec * 1000000000LL + ts.tv_nsec;

    // The thread that moves next_ns writes the line; the others only count.
    long long next = __atomic_load_n(&limit->next_ns, __ATOMIC_RELAXED);
    if (now < next ||
        !__atomic_compare_exchange_n(&limit->next_ns, &next, now + LIMIT_SECONDS * 1000000000LL,
                                     false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&limit->left_out, 1, __ATOMIC_RELAXED);
        return;
    }
    const unsigned long left_out = __atomic_exchange_n(&limit->left_out, 0, __ATOMIC_RELAXED);

    va_list arguments;
    va_start(arguments, format);
    write_line(level, left_out, format, arguments);
    va_end(arguments);
}
