// The key file as the store, and the thread that writes it.
#include "control/keys/store.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "control/keys/key_file.h"
#include "crypto/registers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char what[] = "key file ";

enum phase { IDLE, WRITING, DONE };

struct store {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; // signalled when phase or end changes
    // Protected by the lock, but set, alone and moment belong to the thread while the phase is
    // WRITING.
    enum phase phase;
    bool end;
    int err;
    struct key_file_moment moment; // the boot id; now_ns is filled in for each read and write
    struct key_set set;
    bool alone;
    char name[sizeof what + KEY_FILE_PATH_MAX]; // the path follows `what`
};

static const char *path_of(const struct store *store)
{
    return store->name + sizeof what - 1;
}

static void *run(void *arg)
{
    struct store *store = arg;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        while (store->phase != WRITING && !store->end)
            pthread_cond_wait(&store->moved, &store->lock);
        if (store->phase != WRITING)
            break;
        pthread_mutex_unlock(&store->lock);
        int err = (store->alone ? key_file_replace : key_file_write)(path_of(store), &store->moment,
                                                                     &store->set);
        pthread_mutex_lock(&store->lock);
        bytes_wipe(&store->set, sizeof store->set);
        store->err = err;
        store->phase = DONE;
        pthread_cond_broadcast(&store->moved);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

int store_open(const char *path, struct store **out)
{
    if (strlen(path) >= KEY_FILE_PATH_MAX)
        return -ENAMETOOLONG;
    struct store *store = secret_alloc(sizeof *store);
    if (store == NULL)
        return -ENOMEM;
    snprintf(store->name, sizeof store->name, "%s%s", what, path);
    int err = key_file_moment_now(&store->moment);
    if (err < 0)
        goto fail;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->moved, NULL);

    // The main loop handles signals; a thread inherits the mask of the thread that makes it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = -pthread_create(&store->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err < 0)
        goto fail;
    *out = store;
    return 0;

fail:
    secret_free(store, sizeof *store);
    return err;
}

const char *store_name(const struct store *store)
{
    return store->name;
}

enum store_found store_read(struct store *store, int64_t now_ns, struct key_set *set)
{
    const char *path = path_of(store);
    store->moment.now_ns = now_ns;
    switch (key_file_read(path, &store->moment, set)) {
    case KEY_FILE_GOOD:
        return STORE_GOOD;
    case KEY_FILE_PREVIOUS:
        key_file_set_aside(path);
        return STORE_OLD;
    case KEY_FILE_NONE:
        log_info("no key file yet: making %s", path);
        break;
    case KEY_FILE_BAD:
        key_file_set_aside(path);
        log_warning("NO USABLE KEY FILE: making new cookie keys; all cookies of clients are "
                    "worthless, and every client will have to repeat NTS-KE");
        break;
    }
    return STORE_NONE;
}

void store_write(struct store *store, const struct key_set *set, bool alone, int64_t now_ns)
{
    pthread_mutex_lock(&store->lock);
    assert(store->phase == IDLE);
    store->moment.now_ns = now_ns;
    store->set = *set;
    store->alone = alone;
    store->phase = WRITING;
    pthread_cond_broadcast(&store->moved);
    pthread_mutex_unlock(&store->lock);
    registers_wipe(); // copying a set leaves keys in vector registers
}

// The caller holds the lock, and the phase is DONE.
static int take_result(struct store *store)
{
    store->phase = IDLE;
    return store->err;
}

bool store_poll(struct store *store, int *err)
{
    pthread_mutex_lock(&store->lock);
    bool done = store->phase == DONE;
    if (done)
        *err = take_result(store);
    pthread_mutex_unlock(&store->lock);
    return done;
}

int store_await(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    assert(store->phase != IDLE);
    while (store->phase != DONE)
        pthread_cond_wait(&store->moved, &store->lock);
    int err = take_result(store);
    pthread_mutex_unlock(&store->lock);
    return err;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    pthread_mutex_lock(&store->lock);
    store->end = true;
    pthread_cond_broadcast(&store->moved);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    pthread_cond_destroy(&store->moved);
    pthread_mutex_destroy(&store->lock);
    secret_free(store, sizeof *store);
}
