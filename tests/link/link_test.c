// Messages over a link: which are delivered, which are refused, and that no descriptor stays open.
#include "link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2], null, open_before;
static struct link_message message;

static int count_open(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(link_pair(ends), 0);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    open_before = count_open();
    memset(&message, 0xa5, sizeof message);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(count_open(), open_before);
    close(null);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

// Octets and descriptors as they stand, whatever the room thinks of them.
static void send_raw(const void *octets, size_t len, uint32_t n)
{
    struct iovec piece = {(void *)(uintptr_t)octets, len};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(64 * sizeof(int))];
    } ancillary = {0};
    struct msghdr packet = {.msg_iov = &piece, .msg_iovlen = 1};
    if (n > 0) {
        packet.msg_control = ancillary.room;
        packet.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&packet);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (uint32_t i = 0; i < n; i++)
            memcpy(CMSG_DATA(rights) + i * sizeof(int), &null, sizeof(int));
    }
    assert_int_equal(sendmsg(ends[0], &packet, MSG_NOSIGNAL), (ssize_t)len);
}

static void texts_come_through(void **state)
{
    (void)state;
    static char longest[LINK_TEXT_MAX + 2];
    memset(longest, 'x', LINK_TEXT_MAX);
    assert_int_equal(link_receive(ends[1], 0, &message), -EAGAIN);
    assert_int_equal(link_send(ends[0], LINK_READY, 0, NULL), 0);
    assert_int_equal(link_send(ends[0], LINK_REFUSED, 7, "because"), 0);
    assert_int_equal(link_send(ends[0], LINK_APPLIED, UINT32_MAX, longest), 0);
    assert_int_equal(link_receive(ends[1], 0, &message), 1);
    assert_int_equal(message.type, LINK_READY);
    assert_int_equal(message.len, 0);
    assert_string_equal(message.text, "");
    assert_int_equal(link_receive(ends[1], 0, &message), 1);
    assert_int_equal(message.type, LINK_REFUSED);
    assert_int_equal(message.id, 7);
    assert_int_equal(message.n, 0);
    assert_string_equal(message.text, "because");
    assert_int_equal(link_receive(ends[1], 0, &message), 1);
    assert_int_equal(message.id, UINT32_MAX);
    assert_string_equal(message.text, longest);
    longest[LINK_TEXT_MAX] = 'x';
    assert_int_equal(link_send(ends[0], LINK_APPLIED, 0, longest), -EMSGSIZE);
}

static void descriptors_come_through(void **state)
{
    (void)state;
    int fd[LINK_DESCRIPTORS_MAX];
    for (int i = 0; i < LINK_DESCRIPTORS_MAX; i++)
        fd[i] = null;
    for (uint32_t n = 3; n <= LINK_DESCRIPTORS_MAX; n += 7) {
        assert_int_equal(link_send_descriptors(ends[0], LINK_RELOAD, n, fd, n), 0);
        assert_int_equal(link_receive(ends[1], LINK_DESCRIPTORS_MAX, &message), 1);
        assert_int_equal(message.type, LINK_RELOAD);
        assert_int_equal(message.id, n);
        assert_int_equal(message.n, n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(fcntl(message.fd[i], F_GETFD), FD_CLOEXEC);
        close(message.fd[0]); // one is taken out
        message.fd[0] = -1;
        link_close_descriptors(&message);
        assert_int_equal(count_open(), open_before);
    }
    assert_int_equal(link_send_descriptors(ends[0], LINK_RELOAD, 0, fd, 0), -EINVAL);
    assert_int_equal(link_send_descriptors(ends[0], LINK_RELOAD, 0, fd, LINK_DESCRIPTORS_MAX + 1),
                     -EINVAL);
}

// Each row is refused, none of its descriptors stays, and the next message comes through.
static void what_is_not_well_formed_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t head[3]; // type, id, len
        size_t len;       // of all
        uint32_t n;       // descriptors
        uint32_t most;    // that the receiver takes
    } rows[] = {
        {"no whole head", {LINK_READY, 0, 0}, 11, 0, 33},
        {"a single octet", {LINK_READY, 0, 0}, 1, 0, 33},
        {"type 0", {0, 0, 0}, 12, 0, 33},
        {"an unknown type", {LINK_TYPES, 0, 0}, 12, 0, 33},
        {"a text that is shorter than said", {LINK_REFUSED, 0, 5}, 16, 0, 33},
        {"a text that is longer than said", {LINK_REFUSED, 0, 3}, 16, 0, 33},
        {"a length that wraps", {LINK_REFUSED, 0, UINT32_MAX}, 16, 0, 33},
        {"a text that is too long", {LINK_REFUSED, 0, LINK_TEXT_MAX + 1}, 12 + 4097, 0, 33},
        {"a NUL in the text", {LINK_REFUSED, 0, 100}, 112, 0, 33},
        {"a descriptor that is not due", {LINK_READY, 0, 0}, 12, 1, 33},
        {"descriptors that are not due", {LINK_REFUSED, 0, 4}, 16, 17, 33},
        {"descriptors that are missing", {LINK_RELOAD, 0, 0}, 12, 0, 33},
        {"too few of them", {LINK_CANDIDATE, 0, 0}, 12, 0, 33},
        {"one too many", {LINK_RELOAD, 0, 0}, 12, 35, 34},
        {"one too many for that type", {LINK_CANDIDATE, 0, 0}, 12, 19, 34},
        {"far too many", {LINK_RELOAD, 0, 0}, 12, 64, 33},
        {"more than the receiver takes", {LINK_RELOAD, 0, 0}, 12, 4, 3},
        {"any, where the receiver takes none", {LINK_RELOAD, 0, 0}, 12, 3, 0},
        {"any with nonsense", {99, 0, 0}, 3, 5, 33},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static char octets[12 + LINK_TEXT_MAX + 8];
        memset(octets, 'x', sizeof octets);
        memcpy(octets, rows[i].head, sizeof rows[i].head);
        if (rows[i].head[2] == 100)
            octets[60] = '\0';
        send_raw(octets, rows[i].len, rows[i].n);
        assert_int_equal(link_send(ends[0], LINK_REFUSED, 5, "next"), 0);
        if (link_receive(ends[1], rows[i].most, &message) != -EBADMSG)
            fail_msg("taken: %s", rows[i].what);
        assert_int_equal(message.n, 0);
        if (count_open() != open_before)
            fail_msg("descriptors stay open: %s", rows[i].what);
        assert_int_equal(link_receive(ends[1], LINK_DESCRIPTORS_MAX, &message), 1);
        assert_string_equal(message.text, "next");
    }
}

static void a_full_queue_is_an_error_and_no_wait(void **state)
{
    (void)state;
    unsigned n = 0;
    int result = 0;
    alarm(10); // one that waits ends here
    while ((result = link_send(ends[0], LINK_LOG_LEVEL, n, "info")) == 0)
        n++;
    assert_int_equal(result, -EAGAIN);
    assert_true(n > 5);
    const int fd[3] = {null, null, null};
    assert_int_equal(link_send_descriptors(ends[0], LINK_RELOAD, 0, fd, 3), -EAGAIN);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(link_receive(ends[1], 0, &message), 1);
        assert_int_equal(message.id, i);
    }
    assert_int_equal(link_receive(ends[1], 0, &message), -EAGAIN);
    alarm(0);
}

// What was said before the end is heard.
static void an_end_is_seen_by_both(void **state)
{
    (void)state;
    assert_int_equal(link_send(ends[0], LINK_READY, 0, NULL), 0);
    close(ends[0]);
    open_before--;
    assert_int_equal(link_receive(ends[1], 0, &message), 1);
    assert_int_equal(link_receive(ends[1], 0, &message), 0);
    assert_int_equal(link_receive(ends[1], 0, &message), 0);
    assert_int_equal(link_send(ends[1], LINK_READY, 0, NULL), -EPIPE);

    // The other end has gone with something unread, which the kernel tells as an error.
    int pair[2];
    assert_int_equal(link_pair(pair), 0);
    assert_int_equal(link_send(pair[1], LINK_READY, 0, NULL), 0);
    close(pair[0]);
    assert_int_equal(link_receive(pair[1], 0, &message), 0);
    close(pair[1]);
}

static void a_link_is_told_from_what_is_none(void **state)
{
    (void)state;
    int pipes[2], streams[2];
    assert_true(link_is(ends[0]) && link_is(ends[1]));
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, streams), 0);
    assert_false(link_is(pipes[0]) || link_is(streams[0]) || link_is(null) || link_is(-1));
    for (int i = 0; i < 2; i++) {
        close(pipes[i]);
        close(streams[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_come_through, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_come_through, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_well_formed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_is_an_error_and_no_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_is_seen_by_both, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_is_told_from_what_is_none, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("link/link", tests, NULL, NULL);
}
