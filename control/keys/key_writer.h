// A thread that does one thing: making a set of keys durable. A disk may hold up fsync for half a
// minute (faults, F12), and control's loop has a clock to watch meanwhile.
//
// The calls belong to one thread, control's main loop; they never wait, key_writer_close excepted.
#pragma once

#include "control/keys/key_file.h"

#include <stdbool.h>

struct key_writer;

// Starts the thread, with all signals blocked. path is copied. 0 or -errno.
int key_writer_open(const char *path, struct key_writer **writer);

// Hands it a set, which is copied. Not while an earlier one is under way.
void key_writer_start(struct key_writer *writer, const struct key_file_moment *moment,
                      const struct key_set *set);

// True once after each start: it has ended, and *err is 0 or -errno.
bool key_writer_done(struct key_writer *writer, int *err);

// Waits for what is under way, its outcome included (*done and *err as above), and ends the thread.
// writer may be NULL.
void key_writer_close(struct key_writer *writer, bool *done, int *err);
