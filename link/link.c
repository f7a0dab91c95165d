// Messages over SOCK_SEQPACKET: each message is one packet, so it arrives whole or not at all.
#include "link/link.h"

#include "base/bounds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// Precedes the text. Both ends are of the same build and machine, so the machine's byte order is
// used.
struct head {
    uint32_t type;
    uint32_t id;
    uint32_t len;
};

// The number of descriptors that a message of each type must bring.
static const struct shape {
    uint32_t least, most; // descriptors
} shapes[LINK_TYPES] = {
    [LINK_RELOAD] = {1, LINK_DESCRIPTORS_MAX},
    [LINK_CANDIDATE] = {1, 1 + SECRET_FILES_MAX}, // without ke there is none
};

// Aligned as the kernel's macros require.
union ancillary {
    struct cmsghdr head;
    char room[CMSG_SPACE(LINK_DESCRIPTORS_MAX * sizeof(int))];
};

int link_pair(int ends[2])
{
    const int kind = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    return socketpair(AF_UNIX, kind, 0, ends) == 0 ? 0 : -errno;
}

bool link_is(int fd)
{
    int kind;
    socklen_t len = sizeof kind;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &len) == 0 && kind == SOCK_SEQPACKET;
}

int link_send(int link, enum link_type type, uint32_t id, const char *text)
{
    char packet[sizeof(struct head) + LINK_TEXT_MAX];
    const size_t len = text == NULL ? 0 : strlen(text);

    if (len > LINK_TEXT_MAX)
        return -EMSGSIZE;
    const struct head head = {(uint32_t)type, id, (uint32_t)len};
    memcpy(packet, &head, sizeof head);
    if (len > 0)
        memcpy(packet + sizeof head, text, len);
    ssize_t n;
    do
        n = send(link, packet, sizeof head + len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int link_send_descriptors(int link, enum link_type type, uint32_t id, const int *fd, uint32_t n)
{
    struct head head = {(uint32_t)type, id, 0};
    struct iovec piece = {&head, sizeof head};
    union ancillary ancillary = {0};

    if (n == 0 || n > LINK_DESCRIPTORS_MAX)
        return -EINVAL;
    struct msghdr packet = {.msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = ancillary.room,
                            .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&packet);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(rights), fd, n * sizeof(int));
    ssize_t sent;
    do
        sent = sendmsg(link, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

// Takes every descriptor that came, even if the message is wrong. False when the control message
// has no descriptors. There is room for only one control message.
static bool take_descriptors(struct msghdr *packet, struct link_message *message)
{
    struct cmsghdr *at = CMSG_FIRSTHDR(packet);

    if (at == NULL)
        return true;
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
        return false;
    message->n = (uint32_t)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(message->fd, CMSG_DATA(at), message->n * sizeof(int));
    return true;
}

static bool well_formed(const struct head *head, size_t text, const struct link_message *message)
{
    if (head->type < LINK_READY || head->type >= LINK_TYPES)
        return false;
    const struct shape *shape = &shapes[head->type];
    return head->len == text && text <= LINK_TEXT_MAX && message->n >= shape->least &&
           message->n <= shape->most && memchr(message->text, '\0', text) == NULL;
}

int link_receive(int link, uint32_t most, struct link_message *message)
{
    struct head head;
    struct iovec pieces[] = {{&head, sizeof head}, {message->text, LINK_TEXT_MAX}};
    union ancillary ancillary;
    struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = 2};

    if (most > LINK_DESCRIPTORS_MAX)
        most = LINK_DESCRIPTORS_MAX;
    if (most > 0) {
        packet.msg_control = ancillary.room;
        // Not CMSG_SPACE: its padding would let one more descriptor in.
        packet.msg_controllen = CMSG_LEN(most * sizeof(int));
    }
    ssize_t n;
    do
        n = recvmsg(link, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? -EAGAIN : 0; // a reset is an end, too
    message->n = 0;
    const bool taken = take_descriptors(&packet, message);
    if (n == 0 && message->n == 0)
        return 0;
    const size_t text = (size_t)n < sizeof head ? 0 : (size_t)n - sizeof head;
    if (!taken || packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (size_t)n < sizeof head ||
        !well_formed(&head, text, message)) {
        link_close_descriptors(message);
        return -EBADMSG;
    }
    message->type = head.type;
    message->id = head.id;
    message->len = head.len;
    message->text[text] = '\0';
    return 1;
}

void link_close_descriptors(struct link_message *message)
{
    for (uint32_t i = 0; i < message->n; i++)
        if (message->fd[i] >= 0)
            close(message->fd[i]);
    message->n = 0;
}
