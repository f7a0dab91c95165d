#include "control/ke/ke_terms.h"

#include "base/now.h"
#include "control/ke/ke.h"
#include "control/ke/ke_loop_state.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Connections inherit these from their listener, which spares each of them the calls. A kernel that
// has one of them not serves all the same.
static void tune(int fd, uint64_t deadline_ns)
{
    const int on = 1;
    // What the client does not acknowledge must not outlive the exchange in the kernel either.
    const unsigned timeout_ms = (unsigned)(deadline_ns / NOW_NS_PER_MS) + KE_LINGER_MS;
    // A connection is handed out with its first octets, or when it has been silent that long: the
    // smallest time that the kernel knows.
    const int silent_s = KE_SILENT_MS / 1000;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_s, sizeof silent_s);
}

struct ke_terms *ke_terms_make(const struct ke_setup *setup)
{
    struct ke_terms *made = malloc(sizeof *made);
    if (!made)
        return NULL;
    assert(setup->n_listeners <= LISTENERS_MAX && strlen(setup->ntp_server) <= NTP_SERVER_MAX);
    *made = (struct ke_terms){
        .udp_port = setup->udp_port,
        .deadline_ns = setup->deadline_ms * (uint64_t)NOW_NS_PER_MS,
        .max_connections = setup->max_connections,
        .tokens = setup->tokens,
        .kept_most = setup->kept_most,
        .idle_ns = setup->idle_ms * (uint64_t)NOW_NS_PER_MS,
        .sources = setup->sources,
        .balancers = setup->balancers,
        .shares = setup->shares,
        .n_listeners = (uint32_t)setup->n_listeners,
    };
    snprintf(made->ntp_server, sizeof made->ntp_server, "%s", setup->ntp_server);
    for (size_t i = 0; i < setup->n_listeners; i++)
        made->listener[i] = setup->listeners[i];
    return made;
}

void ke_terms_tune(const struct ke_terms *terms)
{
    for (uint32_t i = 0; i < terms->n_listeners; i++)
        tune(terms->listener[i], terms->deadline_ns);
}

bool ke_terms_have(const struct ke_terms *terms, int listener)
{
    for (uint32_t i = 0; terms && i < terms->n_listeners; i++)
        if (terms->listener[i] == listener)
            return true;
    return false;
}
