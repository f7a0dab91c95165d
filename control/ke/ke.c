#include "control/ke/ke.h"

#include "base/secret.h"
#include "control/ke/ke_loop.h"
#include "control/ke/ke_terms.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

struct ke {
    struct ke_shared shared;
    struct ke_terms *terms; // those that are published
    size_t size;
    uint32_t n_loops; // opened; each has its thread
    struct worker {
        struct ke_loop loop;
        pthread_t thread;
    } worker[];
};

static void *work(void *worker)
{
    ke_loop_run(&((struct worker *)worker)->loop);
    return NULL;
}

// A loop must never block in accept: another loop may have taken the connection.
static int make_non_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

static int start(struct ke *ke)
{
    struct worker *worker = &ke->worker[ke->n_loops];
    int result = ke_loop_open(&worker->loop, &ke->shared);
    if (result < 0)
        return result;
    result = -pthread_create(&worker->thread, NULL, work, worker);
    if (result < 0) {
        ke_loop_close(&worker->loop);
        return result;
    }
    ke->n_loops++;
    pthread_setname_np(worker->thread, "ke");
    return 0;
}

int ke_open(const struct ke_setup *setup, struct ke **ke)
{
    if (setup->n_listeners > LISTENERS_MAX)
        return -E2BIG;
    // Each loop's responder contains cookie keys and a generator.
    size_t size = sizeof(struct ke) + setup->threads * sizeof(struct worker);
    struct ke *made = secret_alloc(size);
    if (!made)
        return -ENOMEM;
    made->size = size;
    made->shared = (struct ke_shared){
        .tls = setup->tls,
        .ring = setup->ring,
        .counters = setup->counters,
        .sealed = setup->sealed,
    };
    sem_init(&made->shared.taken, 0, 0);
    made->shared.cpu_limit = ke_cpu_limit_open();
    made->terms = ke_terms_make(setup);
    atomic_store_explicit(&made->shared.terms, made->terms, memory_order_release);
    int result = made->terms && made->shared.cpu_limit ? 0 : -ENOMEM;
    if (result == 0)
        ke_terms_tune(made->terms);
    for (size_t i = 0; i < setup->n_listeners && result == 0; i++)
        result = make_non_blocking(setup->listeners[i]);
    while (result == 0 && made->n_loops < setup->threads)
        result = start(made);
    if (result < 0) {
        ke_close(made);
        return result;
    }
    *ke = made;
    return 0;
}

void ke_change(struct ke *ke, struct ke_terms *terms)
{
    ke_terms_tune(terms);
    // Release, with the loops' acquire: the terms are complete.
    atomic_store_explicit(&ke->shared.terms, terms, memory_order_release);
    for (uint32_t i = 0; i < ke->n_loops; i++)
        ke_loop_wake(&ke->worker[i].loop);
    for (uint32_t i = 0; i < ke->n_loops; i++)
        while (sem_wait(&ke->shared.taken) != 0 && errno == EINTR)
            continue;
    free(ke->terms);
    ke->terms = terms;
}

const struct ke_counters *ke_counters(const struct ke *ke)
{
    return ke->shared.counters;
}

void ke_close(struct ke *ke)
{
    if (!ke)
        return;
    for (uint32_t i = 0; i < ke->n_loops; i++)
        ke_loop_stop(&ke->worker[i].loop);
    for (uint32_t i = 0; i < ke->n_loops; i++) {
        pthread_join(ke->worker[i].thread, NULL);
        ke_loop_close(&ke->worker[i].loop);
    }
    sem_destroy(&ke->shared.taken);
    ke_cpu_limit_close(ke->shared.cpu_limit);
    free(ke->terms);
    secret_free(ke, ke->size);
}
