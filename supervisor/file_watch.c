// What a look compares is what a change of a file's content or name always changes: which file it
// is, its size, and the kernel's own time of the last change, which no program can set back.
#include "supervisor/file_watch.h"

#include "supervisor/certificates.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { STACK_LEN = 64 * 1024 };

struct mark {
    dev_t device; // all zero: there is no such file
    ino_t inode;
    off_t len;
    struct timespec changed;
};

struct file_list {
    uint32_t n;
    bool looked;
    char *path[CERTIFICATE_FILES_MAX];
    struct mark mark[CERTIFICATE_FILES_MAX];
};

static struct {
    pthread_mutex_t lock;   // held for no system call
    struct file_list *next; // written by the supervisor's thread, taken by ours; NULL: no others
    _Atomic uint64_t changes;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct mark mark_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return (struct mark){0};
    return (struct mark){st.st_dev, st.st_ino, st.st_size, st.st_ctim};
}

static bool same(const struct mark *a, const struct mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->len == b->len &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

bool file_list_look(struct file_list *list)
{
    bool changed = !list->looked && list->n > 0;

    for (uint32_t i = 0; i < list->n; i++) {
        const struct mark mark = mark_of(list->path[i]);
        changed |= !same(&mark, &list->mark[i]);
        list->mark[i] = mark;
    }
    list->looked = true;
    return changed;
}

struct file_list *file_list_make(const struct config *config, bool look)
{
    struct file_list *list = calloc(1, sizeof *list);

    if (list == NULL || config->control.watch_certificates == SWITCH_FALSE)
        return list;
    for (uint32_t i = 0; i < config->control.n_certificates; i++) {
        const struct config_certificate *pair = &config->control.certificates[i];
        const char *const paths[] = {pair->chain, pair->key};
        for (int which = 0; which < 2; which++) {
            list->path[list->n] = strdup(paths[which]);
            if (list->path[list->n] == NULL) {
                file_list_free(list);
                return NULL;
            }
            list->n++;
        }
    }
    if (look)
        file_list_look(list);
    return list;
}

void file_list_free(struct file_list *list)
{
    for (uint32_t i = 0; list != NULL && i < list->n; i++)
        free(list->path[i]);
    free(list);
}

static struct file_list *exchange(struct file_list *next)
{
    pthread_mutex_lock(&watch.lock);
    struct file_list *before = watch.next;
    watch.next = next;
    pthread_mutex_unlock(&watch.lock);
    return before;
}

static void *run(void *given)
{
    const struct timespec rest = {FILE_WATCH_MS / 1000, FILE_WATCH_MS % 1000 * 1000000L};
    struct file_list *list = given;

    for (;;) {
        struct file_list *next = exchange(NULL);
        if (next != NULL) {
            file_list_free(list);
            list = next;
        }
        if (file_list_look(list))
            atomic_fetch_add_explicit(&watch.changes, 1, memory_order_relaxed);
        nanosleep(&rest, NULL);
    }
    return NULL;
}

int file_watch_start(struct file_list *list)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int result = list == NULL ? -ENOMEM : -pthread_attr_init(&attributes);

    if (result == 0) {
        pthread_attr_setstacksize(&attributes, STACK_LEN);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        result = -pthread_create(&thread, &attributes, run, list);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (result == 0)
        pthread_setname_np(thread, "files");
    else
        file_list_free(list);
    return result;
}

void file_watch_replace(struct file_list *list)
{
    if (list != NULL) // else the files of before are watched on
        file_list_free(exchange(list));
}

uint64_t file_watch_changes(void)
{
    return atomic_load_explicit(&watch.changes, memory_order_relaxed);
}
