#include "metrics/http.h"

#include "base/log.h"
#include "base/now.h"
#include "metrics/history.h"
#include "metrics/page/page.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    MEMORY_A_CONNECTION = 16384, // for the request's head; a longer one is refused
    LOOK_MS = 250,               // between two looks for connections at their deadline
};

struct connection {
    struct http *http;
    int fd; // -1: free
    uint64_t since_ns;
    bool cut;
};

// The texts that are made of numbers: /metrics in its formats, then /history.
enum { HISTORY = EXPOSITION_FORMATS, DOCUMENTS };

// Such a text, which several requests get.
struct document {
    struct MHD_Response *response;
    uint64_t made_ns;
};

struct http {
    struct MHD_Daemon *daemon;
    const struct exposition_sources *sources;
    struct board_metrics *counters;
    bool serves;
    uint64_t look_ns; // when connections are looked at next
    struct history *history;
    struct document document[DOCUMENTS];
    struct MHD_Response *page, *unknown, *method, *body;
    struct connection connection[HTTP_CONNECTIONS_MAX];
};

static void count(struct http *http, enum metrics_counter which)
{
    atomic_fetch_add_explicit(&http->counters->n[which], 1, memory_order_relaxed);
}

// A connection carries one request: idle ones would only take places away.
static struct MHD_Response *make(char *text, size_t len, enum MHD_ResponseMemoryMode mode,
                                 const char *type)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, text, mode);

    if (response == NULL)
        return NULL;
    const char *const headers[][2] = {
        {"Content-Type", type},
        {"Connection", "close"},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (MHD_add_response_header(response, headers[i][0], headers[i][1]) != MHD_YES) {
            MHD_destroy_response(response);
            return NULL;
        }
    return response;
}

static struct MHD_Response *make_line(const char *line)
{
    return make((char *)(uintptr_t)line, strlen(line), MHD_RESPMEM_PERSISTENT,
                "text/plain; charset=utf-8");
}

static struct MHD_Response *make_document(struct http *http, int which)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    if (which == HISTORY)
        history_write(http->history, out);
    else
        exposition_write(http->sources, (enum exposition_format)which, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    const char *type = which == HISTORY ? "application/json" : exposition_type[which];
    struct MHD_Response *made = make(text, len, MHD_RESPMEM_MUST_FREE, type);
    if (made == NULL)
        free(text);
    return made;
}

// A flood of requests costs a text every HTTP_FRESH_MS.
static struct MHD_Response *document(struct http *http, int which)
{
    struct document *d = &http->document[which];
    const uint64_t now = now_ns();

    if (d->response != NULL && now - d->made_ns < HTTP_FRESH_MS * (uint64_t)NOW_NS_PER_MS)
        return d->response;
    struct MHD_Response *made = make_document(http, which);
    if (made == NULL)
        return NULL; // the connection is closed
    if (d->response != NULL)
        MHD_destroy_response(d->response); // once the last answer of it has been sent
    *d = (struct document){.response = made, .made_ns = now};
    return made;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *len = header(connection, "Content-Length");
    return (len != NULL && strcmp(len, "0") != 0) ||
           header(connection, "Transfer-Encoding") != NULL;
}

static enum MHD_Result answer(void *data, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **request)
{
    struct http *http = data;
    (void)version;
    (void)upload;
    (void)upload_len;
    (void)request;

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        count(http, METRICS_REFUSED);
        return MHD_queue_response(connection, 405, http->method);
    }
    if (has_body(connection)) {
        count(http, METRICS_REFUSED);
        return MHD_queue_response(connection, 400, http->body);
    }
    const bool wants_metrics = strcmp(path, "/metrics") == 0;
    if (wants_metrics || strcmp(path, "/history") == 0) {
        struct MHD_Response *text =
            document(http, wants_metrics ? (int)exposition_format_for(header(connection, "Accept"))
                                         : HISTORY);
        if (text == NULL)
            return MHD_NO;
        count(http, wants_metrics ? METRICS_SCRAPES : METRICS_PAGES);
        return MHD_queue_response(connection, 200, text);
    }
    if (strcmp(path, "/") == 0) {
        count(http, METRICS_PAGES);
        return MHD_queue_response(connection, 200, http->page);
    }
    count(http, METRICS_REFUSED);
    return MHD_queue_response(connection, 404, http->unknown);
}

static void follow(void *data, struct MHD_Connection *of, void **place,
                   enum MHD_ConnectionNotificationCode what)
{
    struct http *http = data;
    struct connection *c = *place;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c != NULL)
            c->fd = -1;
        *place = NULL;
        return;
    }
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX && c == NULL; i++)
        if (http->connection[i].fd < 0)
            c = &http->connection[i];
    *place = c;
    if (c != NULL) // there is one: libmicrohttpd keeps to the same limit
        *c = (struct connection){
            .http = http,
            .fd = MHD_get_connection_info(of, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            .since_ns = now_ns()};
}

// libmicrohttpd's own time limit begins anew with every octet. It finds a connection that was shut
// down at once, and closes it.
static void cut_late(struct http *http, uint64_t now)
{
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct connection *c = &http->connection[i];
        if (c->fd < 0 || c->cut || now - c->since_ns < HTTP_DEADLINE_MS * (uint64_t)NOW_NS_PER_MS)
            continue;
        shutdown(c->fd, SHUT_RDWR);
        c->cut = true;
        count(http, METRICS_CUT);
    }
}

// While it serves, libmicrohttpd tells what clients do wrong: a probe that only connects would fill
// the log. What keeps it from starting is told.
__attribute__((format(printf, 2, 0))) static void say(void *data, const char *format,
                                                      va_list arguments)
{
    const struct http *http = data;
    char text[256];

    if (http->serves)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_error("HTTP: %s", text);
}

static int make_fixed(struct http *http)
{
    http->history = history_make();
    http->page =
        make((char *)(uintptr_t)page, page_len, MHD_RESPMEM_PERSISTENT, "text/html; charset=utf-8");
    http->unknown = make_line("There is no such path; the metrics are at /metrics\n");
    http->method = make_line("This server knows GET and HEAD alone\n");
    http->body = make_line("A request must have no body\n");
    if (http->history == NULL || http->page == NULL || http->unknown == NULL ||
        http->method == NULL || http->body == NULL)
        return -ENOMEM;
    return MHD_add_response_header(http->method, "Allow", "GET, HEAD") == MHD_YES &&
                   MHD_add_response_header(http->page, "Content-Security-Policy",
                                           (const char *)page_policy) == MHD_YES
               ? 0
               : -ENOMEM;
}

int http_open(int listen_fd, const struct exposition_sources *sources,
              struct board_metrics *counters, struct http **out)
{
    struct http *http = calloc(1, sizeof *http);

    if (http == NULL)
        return -ENOMEM;
    http->sources = sources;
    http->counters = counters;
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        http->connection[i].fd = -1;
    int result = make_fixed(http);
    if (result == 0) {
        http->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, http,
            MHD_OPTION_EXTERNAL_LOGGER, say, http, MHD_OPTION_LISTEN_SOCKET, listen_fd,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_AN_ADDRESS,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(HTTP_DEADLINE_MS / 2000),
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_A_CONNECTION,
            MHD_OPTION_NOTIFY_CONNECTION, follow, http, MHD_OPTION_END);
        result = http->daemon == NULL ? -EIO : 0;
    }
    if (result < 0) {
        log_error("the HTTP server of the metrics cannot be started: %s", strerror(-result));
        http_close(http);
        return result;
    }
    http->serves = true;
    *out = http;
    return 0;
}

int http_fd(const struct http *http)
{
    return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint64_t http_turn(struct http *http, uint64_t now)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    if (now >= http->look_ns) {
        cut_late(http, now);
        http->look_ns = now + LOOK_MS * (uint64_t)NOW_NS_PER_MS;
    }
    history_turn(http->history, http->sources, now); // at least at each look
    MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES || wait_ms > LOOK_MS)
        return http->look_ns;
    const uint64_t due = now + wait_ms * NOW_NS_PER_MS;
    return due < http->look_ns ? due : http->look_ns;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    if (http->daemon != NULL) {
        MHD_quiesce_daemon(http->daemon); // or stopping would shut down the shared listener
        MHD_stop_daemon(http->daemon);
    }
    struct MHD_Response *const made[] = {http->page,
                                         http->unknown,
                                         http->method,
                                         http->body,
                                         http->document[EXPOSITION_OPENMETRICS].response,
                                         http->document[EXPOSITION_TEXT].response,
                                         http->document[HISTORY].response};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        if (made[i] != NULL)
            MHD_destroy_response(made[i]);
    free(http->history);
    free(http);
}
