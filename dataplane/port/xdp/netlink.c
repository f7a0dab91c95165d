#include "dataplane/port/xdp/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_protocol(int protocol, uint32_t groups, int flags)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        int fault = -errno;
        close(fd);
        return fault;
    }
    return fd;
}

int netlink_open(uint32_t groups, int flags)
{
    return open_protocol(NETLINK_ROUTE, groups, flags);
}

// Reads the answers to their end.
static int take_answers(int fd, uint16_t answer,
                        void (*visit)(const struct nlmsghdr *message, void *with), void *with)
{
    _Alignas(struct nlmsghdr) char buffer[32768];
    bool torn = false;
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        size_t left = (size_t)n;
        for (const struct nlmsghdr *message = (const void *)buffer; NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            torn |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (message->nlmsg_type == NLMSG_DONE)
                return torn ? -EAGAIN : 0;
            if (message->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
            if (message->nlmsg_type == answer)
                visit(message, with);
        }
    }
}

int netlink_ask(int protocol, const struct nlmsghdr *request, uint16_t answer,
                void (*visit)(const struct nlmsghdr *message, void *with), void *with)
{
    int fd = open_protocol(protocol, 0, 0);
    if (fd < 0)
        return fd;
    int fault = 0;
    if (send(fd, request, request->nlmsg_len, 0) != (ssize_t)request->nlmsg_len)
        fault = -errno;
    if (!fault)
        fault = take_answers(fd, answer, visit, with);
    close(fd);
    return fault;
}

int netlink_dump(uint16_t question, uint16_t answer,
                 void (*visit)(const struct nlmsghdr *message, void *with), void *with)
{
    const struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } request = {
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof request.body),
                 .nlmsg_type = question,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.rtgen_family = AF_UNSPEC},
    };
    return netlink_ask(NETLINK_ROUTE, &request.head, answer, visit, with);
}
