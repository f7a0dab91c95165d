// Knows the protocol of control/show/status.h and nothing else of the server.
#include "ctl/client.h"

#include "base/printable.h"
#include "ctl/clean.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char fault[512]; // what was wrong with the last request
static pid_t server;    // the one that it was sent to

const char client_otherwise[] = "control may be restarting; see the server's log";

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault, sizeof fault, format, arguments);
    va_end(arguments);
}

static int connect_to(const char *path, int timeout_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        say("%s: is longer than a socket's path may be (%zu); name a shorter one", path,
            sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        say("socket: %s", strerror(errno));
        return -1;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        const char *advice = errno == EACCES || errno == EPERM
                                 ? "run it as root, with sudo"
                                 : "is noonmarkd running, and is this its control.socket?";
        say("%s: %s; %s", path, strerror(errno), advice);
        close(fd);
        return -1;
    }
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        server = peer.pid;
    struct timeval limit = {.tv_sec = timeout_s};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

// Sends the request line and reads the answer to its end. NULL, with a message, when there is none.
static json_t *exchange(int fd, const struct request *request)
{
    // No copy is made: the line of an import has secrets.
    const struct iovec parts[] = {{(void *)request->line, strlen(request->line)}, {"\n", 1}};
    const struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = 2};
    if (sendmsg(fd, &message, MSG_NOSIGNAL) != (ssize_t)parts[0].iov_len + 1) {
        say("the server closed the connection: %s", strerror(errno));
        return NULL;
    }
    json_error_t error;
    json_t *answer = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, &error);
    printable(error.text, strlen(error.text)); // it quotes text that could not be parsed
    if (answer == NULL)
        say("no complete answer within %d s (%s); %s", request->timeout_s, error.text,
            request->otherwise);
    json_t *clean = answer != NULL ? clean_copy(answer) : NULL;
    if (answer != NULL && clean == NULL)
        say("out of memory");
    json_decref(answer);
    return clean;
}

json_t *client_try(const struct call *call, const struct request *request)
{
    server = 0;
    int fd = connect_to(call->socket, request->timeout_s);
    if (fd < 0)
        return NULL;
    json_t *answer = exchange(fd, request);
    close(fd);
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (error == NULL)
        return answer;
    say("the server says: %s", error);
    json_decref(answer);
    return NULL;
}

const char *client_fault(void)
{
    return fault;
}

pid_t client_server(void)
{
    return server;
}

json_t *client_ask(const struct call *call, const struct request *request)
{
    json_t *answer = client_try(call, request);
    if (answer == NULL)
        fprintf(stderr, "noonmarkctl: %s\n", fault);
    return answer;
}

void client_print(const json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
}

int client_run(const struct call *call, const struct request *request,
               void (*show)(const json_t *answer, FILE *out))
{
    json_t *answer = client_ask(call, request);
    if (answer == NULL)
        return EXIT_FAILURE;
    const char *refused = json_string_value(json_object_get(answer, "refused"));
    if (call->json)
        client_print(answer);
    else if (refused != NULL)
        fprintf(stderr, "noonmarkctl: refused, nothing has changed: %s\n", refused);
    else
        show(answer, stdout);
    const int status = refused == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
    json_decref(answer);
    return status;
}
