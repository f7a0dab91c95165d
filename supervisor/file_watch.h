// A thread that looks once a second whether the files of `control.certificates` have changed. It
// follows every link on the way, as an opening would: certbot replaces a link to a file, Kubernetes
// one to a directory, others the file itself. inotify would need a watch on the directory of each
// of these links, made anew after each change, and hears nothing of a network disk.
//
// A disk that does not answer holds up this thread alone. It reads no file. One in a process.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum { FILE_WATCH_MS = 1000 };

struct file_list;

// The files of a configuration; none where `control.watch_certificates` is false. look: what they
// are is seen now, so that only later changes count, which may block as long as their disk does.
// Otherwise they count as changed. NULL: out of memory.
struct file_list *file_list_make(const struct config *config, bool look);

// Looks at them; the thread does it. True when one is another than at the look before.
bool file_list_look(struct file_list *list);

void file_list_free(struct file_list *list);

// Starts the thread with these files, which it owns then; it has the rights that the caller has
// now, and never ends. 0 or -errno; then nothing is watched.
int file_watch_start(struct file_list *list);

// Watches these files instead. Never waits. The caller's thread is the supervisor's.
void file_watch_replace(struct file_list *list);

// How often a look has found something changed. Any thread.
uint64_t file_watch_changes(void);
