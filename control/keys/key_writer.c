// The thread that makes sets of keys durable.
#include "control/keys/key_writer.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum phase { IDLE, ASKED, DONE };

struct key_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    // Under the lock; set and moment belong to the thread while the phase is ASKED.
    enum phase phase;
    bool end;
    int err;
    struct key_file_moment moment;
    struct key_set set;
    char path[KEY_FILE_PATH_MAX];
};

static void *run(void *arg)
{
    struct key_writer *writer = arg;
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->phase != ASKED && !writer->end)
            pthread_cond_wait(&writer->asked, &writer->lock);
        if (writer->phase != ASKED)
            break;
        pthread_mutex_unlock(&writer->lock);
        int err = key_file_write(writer->path, &writer->moment, &writer->set);
        pthread_mutex_lock(&writer->lock);
        writer->err = err;
        writer->phase = DONE;
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

int key_writer_open(const char *path, struct key_writer **out)
{
    if (strlen(path) >= KEY_FILE_PATH_MAX)
        return -ENAMETOOLONG;
    struct key_writer *writer = secret_alloc(sizeof *writer);
    if (writer == NULL)
        return -ENOMEM;
    strcpy(writer->path, path);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->asked, NULL);

    // Signals are the main loop's; a thread inherits its maker's mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0) {
        secret_free(writer, sizeof *writer);
        return -err;
    }
    *out = writer;
    return 0;
}

void key_writer_start(struct key_writer *writer, const struct key_file_moment *moment,
                      const struct key_set *set)
{
    pthread_mutex_lock(&writer->lock);
    assert(writer->phase == IDLE);
    writer->moment = *moment;
    writer->set = *set;
    writer->phase = ASKED;
    pthread_cond_signal(&writer->asked);
    pthread_mutex_unlock(&writer->lock);
}

bool key_writer_done(struct key_writer *writer, int *err)
{
    pthread_mutex_lock(&writer->lock);
    bool done = writer->phase == DONE;
    if (done) {
        *err = writer->err;
        writer->phase = IDLE;
    }
    pthread_mutex_unlock(&writer->lock);
    return done;
}

void key_writer_close(struct key_writer *writer, bool *done, int *err)
{
    *done = false;
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->end = true;
    pthread_cond_signal(&writer->asked);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);

    *done = key_writer_done(writer, err);
    pthread_cond_destroy(&writer->asked);
    pthread_mutex_destroy(&writer->lock);
    secret_free(writer, sizeof *writer);
}
