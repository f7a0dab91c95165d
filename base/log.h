// The log: one line an event, never one a packet, to stderr (systemd's journal reads it; there
// lines carry a <N> priority prefix when JOURNAL_STREAM names stderr). Never holds keys, cookies or
// identifiers. Thread-safe: a line is one write.
//
// A command line writes at once. A server has a thread that writes (base/log_writer.h): no other
// thread ever waits for whoever reads the log.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
};

// What stands before each line: "noonmarkd", "noonmarkd: control". A string literal.
void log_open(const char *who);

// From here on this is a server: a thread writes, lines say when (UTC; the journal says that
// itself), and what cannot be written is dropped, counted, and said when writing works again. Once,
// before seccomp forbids threads; what is still to be written at exit() is, for at most a second.
void log_start(void);

// Before _exit(): waits until all lines are written, at most a second.
void log_flush(void);

// Lines of this process that were dropped so far.
uint64_t log_lost(void);

// From here on what is less than level is left out: "error", "warning" or "info", which is where it
// starts. False, and nothing has changed: level is none of these. Any thread.
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
