// The one place that writes the log: a ring of whole lines, and a thread that writes them.
//
// stderr is inherited: a pipe, the journal's socket, a terminal, a file. Whoever reads it, or the
// disk that the file lies on, may stall. O_NONBLOCK would not do: it belongs to the open file that
// other processes share (a shell's terminal), and means nothing for a file on a disk. So a thread
// that has nothing else to do may wait, and all others never do: a line that the ring has no room
// for is lost and counted.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 1024 }; // octets of a line, newline included

// Writes to line what is said of n lost lines, with a newline; its length, at most LOG_LINE_MAX.
typedef size_t log_writer_lost_line(char line[LOG_LINE_MAX], unsigned long n);

// Starts the thread, which has no capability and takes no signal; what is in the ring when the
// process exits is written then, for at most a second. Once, before seccomp forbids threads. 0 or
// -errno: then, as in the child of a fork, lines that would have to wait are lost.
int log_writer_start(log_writer_lost_line *lost_line);

// Takes one line, newline included. Any thread, signal handlers too. Waits for stderr before
// log_writer_start, never after it.
void log_writer_put(const char *line, size_t len);

// Waits until all lines are written, at most a second. For an end that calls no exit handlers.
void log_writer_flush(void);

// Lines of this process that were lost. Any thread.
uint64_t log_writer_lost(void);
