// The control socket's connections; status_report.c makes the answers.

#include "control/show/status.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "control/keys/keys.h"
#include "control/show/json_line.h"
#include "control/show/keys_report.h"
#include "control/show/keys_request.h"
#include "control/show/reload_report.h"
#include "control/show/status_report.h"
#include "link/link.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENTS = 4,
    REQUEST_MAX = KEYS_REQUEST_MAX,
    PAUSE_MS = 500, // after accept has failed for want of descriptors or memory
};

struct client {
    int fd;         // -1: free
    uint64_t since; // number of its accept: the lowest number is the oldest client
    char request[REQUEST_MAX];
    size_t request_len;
    uint32_t reload; // the id of the reload or drain that it waits for; 0: none
    bool rotation;   // it waits for a change of the keys
    char *answer;    // NULL until the request is complete
    size_t answer_len;
    size_t answer_sent;
};

struct status {
    int epoll_fd;
    int listen_fd;
    uint64_t resume_ns; // not 0: the listener is not watched until then
    uint64_t accepted;
    uint32_t reloads; // number of requested reloads and drains; the id of the last one
    struct status_sources sources;
    struct client client[CLIENTS];
};

static int watch(struct status *s, int operation, int fd, uint32_t events, struct client *client)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    return epoll_ctl(s->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int status_open(int listen_fd, const struct status_sources *sources, struct status **status)
{
    struct status *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    s->listen_fd = listen_fd;
    s->sources = *sources;
    for (size_t i = 0; i < CLIENTS; i++)
        s->client[i].fd = -1;

    int rc;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll_fd < 0) {
        rc = -errno;
        goto fail;
    }
    rc = watch(s, EPOLL_CTL_ADD, listen_fd, EPOLLIN, NULL);
    if (rc != 0)
        goto fail;
    *status = s;
    return 0;

fail:
    status_close(s);
    return rc;
}

int status_fd(const struct status *status)
{
    return status->epoll_fd;
}

static void client_close(struct client *c)
{
    close(c->fd); // also removes it from the epoll set
    free(c->answer);
    bytes_wipe(c->request, sizeof c->request); // it may have been keys
    *c = (struct client){.fd = -1};
}

// Returns a free place, or the oldest client's place when there is none: a silent client cannot
// keep others out.
static struct client *client_place(struct status *s)
{
    struct client *oldest = &s->client[0];
    for (size_t i = 0; i < CLIENTS; i++) {
        if (s->client[i].fd < 0)
            return &s->client[i];
        if (s->client[i].since < oldest->since)
            oldest = &s->client[i];
    }
    client_close(oldest);
    return oldest;
}

// Without descriptors or memory the client waits in the listener's queue, which stays readable: it
// would keep the loop awake for nothing. False: it is to be left alone for a while.
static bool accept_one(struct status *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) // of one client, or for all
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    struct client *c = client_place(s);
    if (watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, c) != 0) {
        close(fd);
        return false;
    }
    c->fd = fd;
    c->since = s->accepted++;
    return true;
}

static void pause_accepting(struct status *s, uint64_t now)
{
    static struct log_limit limit;
    log_limited(&limit, LOG_LEVEL_WARNING, "control socket: cannot accept for a moment: %s",
                strerror(errno));
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->listen_fd, NULL);
    s->resume_ns = now + PAUSE_MS * (uint64_t)NOW_NS_PER_MS;
}

static void resume_accepting(struct status *s, uint64_t now)
{
    if (watch(s, EPOLL_CTL_ADD, s->listen_fd, EPOLLIN, NULL) == 0)
        s->resume_ns = 0;
    else
        s->resume_ns = now + PAUSE_MS * (uint64_t)NOW_NS_PER_MS;
}

// Sends as much as the socket takes; false when the connection is finished or broken.
static bool client_send(struct status *s, struct client *c)
{
    while (c->answer_sent < c->answer_len) {
        ssize_t n =
            send(c->fd, c->answer + c->answer_sent, c->answer_len - c->answer_sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN && watch(s, EPOLL_CTL_MOD, c->fd, EPOLLOUT, c) == 0;
        c->answer_sent += (size_t)n;
    }
    return false;
}

// Sends the request to the supervisor, whose answer goes to this client. Returns an answer only if
// that fails.
static char *request_reload(struct status *s, struct client *c)
{
    const uint32_t id = ++s->reloads;
    const int fault = link_send(s->sources.link, LINK_ASK_RELOAD, id, NULL);
    if (fault != 0)
        return reload_refused("the supervisor cannot be reached; send it SIGHUP instead");
    c->reload = id;
    return NULL;
}

// Begins a change of the keys, whose end status_keys_turned notices. Returns an answer only if that
// is refused.
static char *request_keys(struct status *s, struct client *c)
{
    const char *why = keys_request(s->sources.keys, c->request);
    bytes_wipe(c->request, sizeof c->request);
    c->rotation = why == NULL;
    return why == NULL ? NULL : json_line(json_pack("{s:s}", "refused", why));
}

// Sets the client's answer; false when there is no memory for it.
static bool client_answer(struct client *c, char *answer)
{
    c->answer = answer;
    c->answer_len = answer == NULL ? 0 : strlen(answer);
    return answer != NULL;
}

// The children get SIGTERM before the supervisor's answer could be passed on: control answers.
static char *stop_drained(struct status *s)
{
    if (!s->sources.draining)
        return reload_refused("the server is not draining; 'noonmarkctl drain' begins it");
    if (link_send(s->sources.link, LINK_DRAIN, 0, LINK_DRAIN_STOP) != 0)
        return reload_refused("the supervisor cannot be reached; send it SIGTERM instead");
    return drain_report(true, s->sources.config->time.hook);
}

// A step of a planned stop, what: begin or cancel. The supervisor's answer goes to this client.
// Returns an answer only if that fails.
static char *request_drain(struct status *s, struct client *c, const char *what)
{
    const uint32_t id = ++s->reloads;
    if (link_send(s->sources.link, LINK_DRAIN, id, what) != 0)
        return reload_refused("the supervisor cannot be reached; send it SIGTERM to stop it");
    c->reload = id;
    return NULL;
}

// A request that begins with "drain". False when the connection is finished or broken.
static bool client_drains(struct status *s, struct client *c)
{
    char *answer;
    if (strcmp(c->request, "drain") == 0)
        answer = request_drain(s, c, LINK_DRAIN_BEGIN);
    else if (strcmp(c->request, "drain cancel") == 0)
        answer = request_drain(s, c, LINK_DRAIN_CANCEL);
    else if (strcmp(c->request, "drain stop") == 0)
        answer = stop_drained(s);
    else
        answer = status_answer(&s->sources, c->request); // unknown
    return c->reload != 0 || (client_answer(c, answer) && client_send(s, c));
}

// Reads until the end of the line; false when the connection is finished or broken.
static bool client_read(struct status *s, struct client *c)
{
    if (c->reload != 0 || c->rotation) { // only the end of the connection is expected now
        char octet;
        return recv(c->fd, &octet, 1, 0) < 0 && errno == EAGAIN;
    }
    ssize_t n = recv(c->fd, c->request + c->request_len, REQUEST_MAX - c->request_len, 0);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        return false;
    c->request_len += (size_t)n;

    char *end = memchr(c->request, '\n', c->request_len);
    if (end == NULL)
        return c->request_len < REQUEST_MAX;
    *end = '\0';
    if (strncmp(c->request, "drain", strlen("drain")) == 0)
        return client_drains(s, c);
    char *answer;
    if (strcmp(c->request, "reload") == 0) {
        answer = request_reload(s, c);
        if (c->reload != 0)
            return true;
    } else if (keys_is_request(c->request)) {
        answer = request_keys(s, c);
        if (c->rotation)
            return true;
    } else {
        answer = status_answer(&s->sources, c->request);
    }
    return client_answer(c, answer) && client_send(s, c);
}

// Does this client wait for that answer? It then waits no more.
static bool take_answer(struct client *c, uint32_t id)
{
    if (c->fd < 0 || c->reload != id || id == 0)
        return false;
    c->reload = 0;
    return true;
}

void status_draining(struct status *status, uint32_t id, bool draining)
{
    status->sources.draining = draining;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &status->client[i];
        if (!take_answer(c, id))
            continue;
        if (!client_answer(c, drain_report(draining, status->sources.config->time.hook)) ||
            !client_send(status, c))
            client_close(c);
    }
}

void status_reloaded(struct status *status, uint32_t id, bool applied, const char *text)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &status->client[i];
        if (!take_answer(c, id))
            continue;
        if (!client_answer(c, applied ? reload_applied(text) : reload_refused(text)) ||
            !client_send(status, c))
            client_close(c);
    }
}

void status_keys_turned(struct status *status)
{
    const enum keys_asked asked = keys_outcome(status->sources.keys)->asked;
    if (asked != KEYS_ROTATED && asked != KEYS_NOT_ROTATED)
        return;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &status->client[i];
        if (c->fd < 0 || !c->rotation)
            continue;
        c->rotation = false;
        if (!client_answer(c, keys_changed(status->sources.keys)) || !client_send(status, c))
            client_close(c);
    }
}

uint64_t status_turn(struct status *status, uint64_t now)
{
    struct epoll_event event[CLIENTS + 1];
    if (status->resume_ns != 0 && now >= status->resume_ns)
        resume_accepting(status, now);
    int n = epoll_wait(status->epoll_fd, event, CLIENTS + 1, 0);
    for (int i = 0; i < n; i++) {
        struct client *c = event[i].data.ptr;
        if (c == NULL) {
            if (!accept_one(status))
                pause_accepting(status, now);
            continue;
        }
        if (c->fd < 0)
            continue; // its place was reused in this turn
        bool open = c->answer == NULL ? client_read(status, c) : client_send(status, c);
        if (!open)
            client_close(c);
    }
    return status->resume_ns != 0 ? status->resume_ns : UINT64_MAX;
}

void status_close(struct status *status)
{
    if (status == NULL)
        return;
    for (size_t i = 0; i < CLIENTS; i++)
        if (status->client[i].fd >= 0)
            client_close(&status->client[i]);
    if (status->epoll_fd >= 0)
        close(status->epoll_fd);
    free(status);
}
