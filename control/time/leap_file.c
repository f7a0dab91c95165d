// The thread that reads the list of leap seconds.
#include "base/whole_file.h"
#include "board/snapshot.h"
#include "control/time/leap_list.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct leap_file {
    struct snapshot last;  // struct leap_list; the thread writes, control's main thread reads
    uint64_t seen;         // of the main thread
    struct leap_list list; // of the thread, and of leap_file_open before there is one
    const char *path;
    pthread_t thread;
    char text[LEAP_LIST_LEN + 1];
};

// 0 or -errno.
static int64_t read_list(struct leap_file *file)
{
    const int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    const ssize_t len = whole_file_read(fd, file->text, sizeof file->text);
    close(fd);
    if (len < 0)
        return len;
    if (len > LEAP_LIST_LEN)
        return -EFBIG;
    struct leap_list fresh;
    if (!leap_list_parse(file->text, (size_t)len, &fresh))
        return -EBADMSG;
    file->list = fresh;
    return 0;
}

// A file that cannot be read leaves the list as it was.
static void look(struct leap_file *file)
{
    file->list.fault = read_list(file);
    snapshot_publish(&file->last, &file->list, sizeof file->list);
}

static void *run(void *argument)
{
    struct leap_file *file = argument;
    for (;;) {
        nanosleep(&(struct timespec){.tv_sec = LEAP_LIST_LOOK_S}, NULL);
        look(file);
    }
    return NULL;
}

int leap_file_open(const char *path, struct leap_file **out)
{
    struct leap_file *file = aligned_alloc(_Alignof(struct leap_file), sizeof *file);
    sigset_t all, before;
    if (file == NULL)
        return -ENOMEM;
    *file = (struct leap_file){.path = path};
    look(file);
    // Signals are the main thread's.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&file->thread, NULL, run, file);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(file);
        return -error;
    }
    pthread_detach(file->thread);
    *out = file;
    return 0;
}

bool leap_file_take(struct leap_file *file, struct leap_list *list)
{
    return snapshot_moved(&file->last, file->seen) &&
           snapshot_read(&file->last, list, sizeof *list, &file->seen);
}

void leap_file_close(struct leap_file *file)
{
    (void)file; // the thread goes on using it
}
