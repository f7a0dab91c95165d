#include "control/ke/ke_introduce.h"

#include "control/ke/ke_welcome.h"
#include "control/ke/proxy_header.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

bool ke_introduce_begin(struct ke_connection *c)
{
    c->header = OPENSSL_zalloc(sizeof *c->header);
    return c->header != NULL;
}

bool ke_introduce_has_begun(const struct ke_connection *c)
{
    return c->header == NULL || c->header->n > 0;
}

static void end(struct ke_loop *loop, struct ke_connection *c, enum ke_counter why)
{
    ke_count(loop->shared->counters, why);
    c->stage = KE_ENDED;
}

static enum proxy_state read_header(struct ke_connection *c)
{
    uint8_t octets[256];
    enum proxy_state state = PROXY_INCOMPLETE;

    while (state == PROXY_INCOMPLETE) {
        const size_t wants = proxy_header_wants(c->header);
        const ssize_t n = recv(c->fd, octets, wants < sizeof octets ? wants : sizeof octets, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return PROXY_INCOMPLETE;
        state = n <= 0 ? PROXY_BAD : proxy_header_take(c->header, octets, (size_t)n);
    }
    return state;
}

bool ke_introduce(struct ke_loop *loop, struct ke_connection *c)
{
    struct ke_source_address client = c->from;

    switch (read_header(c)) {
    case PROXY_INCOMPLETE:
        return false;
    case PROXY_BAD:
        end(loop, c, KE_BAD_PROXY);
        return false;
    case PROXY_COMPLETE:
        break;
    }
    enum ke_counter why;
    if (proxy_header_source(c->header, &client) && !ke_welcome(loop, c->fd, &client, &why)) {
        end(loop, c, why); // with its header, so that its time is charged to nobody
        return false;
    }
    OPENSSL_free(c->header);
    c->header = NULL;
    c->from = client;
    ke_count(loop->shared->counters, KE_ACCEPTED);
    return true;
}

void ke_introduce_expire(struct ke_loop *loop, struct ke_connection *c)
{
    end(loop, c, KE_BAD_PROXY);
}
