// The log: one line for each event, never one for each packet, to stderr (systemd's journal reads
// it; lines get a <N> priority prefix when JOURNAL_STREAM names stderr). Never contains keys,
// cookies or identifiers. Thread-safe: a line is one write.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
};

// Sets the word before each line: "noonmarkd", "control", "dataplane". A string literal.
void log_open(const char *who);

// From here on lines below that level are left out: "error", "warning" or "info" (the default).
// False, and nothing has changed: level is none of these. Any thread.
bool log_set_level(const char *level);

// From here on the calling thread's errors are not written: the first one is copied to text, cut to
// size octets, without the word before it. NULL ends that.
void log_divert(char *text, size_t size);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

// At most one line in ten seconds for each limit; the line says how many were left out.
struct log_limit {
    long long next_ns;
    unsigned long left_out;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
