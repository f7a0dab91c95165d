#include "control/ke/ke.h"

#include "base/now.h"
#include "base/secret.h"
#include "control/ke/ke_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

struct ke {
    struct ke_shared shared;
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

// Connections inherit these from their listener, which spares each of them the calls. A kernel that
// has one of them not serves all the same.
static void tune(int fd, uint32_t deadline_ms)
{
    const int on = 1;
    // What the client does not acknowledge must not outlive the exchange in the kernel either.
    const unsigned timeout_ms = deadline_ms + KE_LINGER_MS;
    // A connection is handed out with its first octets, or when it has been silent that long: the
    // smallest time that the kernel knows.
    const int silent_s = KE_SILENT_MS / 1000;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_s, sizeof silent_s);
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
        .ntp_server = setup->ntp_server,
        .udp_port = setup->udp_port,
        .n_listeners = (uint32_t)setup->n_listeners,
        .deadline_ns = setup->deadline_ms * (uint64_t)NOW_NS_PER_MS,
        .max_connections = setup->max_connections,
        .sources = setup->sources,
    };
    int result = 0;
    for (size_t i = 0; i < setup->n_listeners && result == 0; i++) {
        made->shared.listener[i] = setup->listeners[i];
        tune(setup->listeners[i], setup->deadline_ms);
        result = make_non_blocking(setup->listeners[i]);
    }
    while (result == 0 && made->n_loops < setup->threads)
        result = start(made);
    if (result < 0) {
        ke_close(made);
        return result;
    }
    *ke = made;
    return 0;
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
    secret_free(ke, ke->size);
}
