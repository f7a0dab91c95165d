// The PROXY header: sound and unsound ones, cut anywhere.
#include "control/ke/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xcb\x00\x71\x05\xd4\x31\x11\x6c"
#define ZEROS4 "\0\0\0\0"
#define V6                                                                                         \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8" ZEROS4 ZEROS4 ZEROS4              \
    "\xd4\x31\x11\x6c"
#define BEHIND "\x16\x03\x01" // what follows a header is not its own

struct row {
    const char *octets;
    size_t len;
    enum proxy_state state;
    const char *source; // 4 or 16 octets; NULL: the balancer itself
    uint8_t ip_version;
};
// The versions of clang-format break these lines in different ways.
// clang-format off
#define GOOD(octets, source, version)                                                              \
    {                                                                                              \
        octets, sizeof(octets) - 1, PROXY_COMPLETE, source, version                                \
    }
#define WRONG(octets)                                                                              \
    {                                                                                              \
        octets, sizeof(octets) - 1, PROXY_BAD, NULL, 0                                             \
    }
// clang-format on

static const struct row rows[] = {
    GOOD(SIGNATURE "\x21\x11\x00\x0c" V4, "\xc0\x00\x02\x01", 4),
    GOOD(SIGNATURE "\x21\x21\x00\x24" V6, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 6),
    GOOD(SIGNATURE "\x21\x11\x00\x13" V4 "\x03\x00\x04\xaa\xbb\xcc\xdd", "\xc0\x00\x02\x01", 4),
    GOOD(SIGNATURE "\x20\x00\x00\x00", NULL, 0),
    GOOD(SIGNATURE "\x20\x00\x00\x03\x04\x00\x00", NULL, 0),
    GOOD(SIGNATURE "\x20\x11\x00\x0c" V4, NULL, 0), // LOCAL: its addresses count for nothing
    WRONG(SIGNATURE "\x21\x11\x00\x0b"),            // too short for its addresses
    WRONG(SIGNATURE "\x21\x21\x00\x23"),
    WRONG(SIGNATURE "\x21\x00\x00\x00"), // no address: whose is it?
    WRONG(SIGNATURE "\x21\x12\x00\x0c"), // UDP
    WRONG(SIGNATURE "\x21\x31\x00\xd8"), // a Unix socket
    WRONG(SIGNATURE "\x22\x11\x00\x0c"), // an unknown command
    WRONG(SIGNATURE "\x11\x11\x00\x0c"), // another version
    WRONG(SIGNATURE "\x21\x11\x10\x01"), // longer than we skip
    WRONG("\r\n\r\n\0\r\nQUIT "),
    WRONG("PROXY TCP4 192.0.2"),       // version 1
    WRONG("\x16\x03\x01\x02\x00\x01"), // TLS without a header
};

// Feeds as much as is wanted, and at most `most` octets at once. *used: the octets taken.
static enum proxy_state feed(struct proxy_header *header, const struct row *row, size_t most,
                             size_t *used)
{
    enum proxy_state state = PROXY_INCOMPLETE;
    for (*used = 0; state == PROXY_INCOMPLETE && *used < row->len;) {
        size_t n = proxy_header_wants(header);
        assert_true(n > 0);
        n = n < most ? n : most;
        n = n < row->len - *used ? n : row->len - *used;
        // A copy of the exact length, so that a sanitizer sees a read beyond it.
        uint8_t *piece = malloc(n);
        memcpy(piece, row->octets + *used, n);
        state = proxy_header_take(header, piece, n);
        free(piece);
        *used += n;
    }
    return state;
}

static void each_row_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        for (size_t most = 1; most <= row->len; most++) {
            struct proxy_header header = {0};
            struct ke_source_address from = {0};
            size_t used;
            assert_int_equal(feed(&header, row, most, &used), row->state);
            if (row->state != PROXY_COMPLETE)
                continue;
            assert_int_equal(used, row->len);
            assert_int_equal(proxy_header_source(&header, &from), row->source != NULL);
            assert_int_equal(from.ip_version, row->ip_version);
            if (row->source != NULL)
                assert_memory_equal(from.octets, row->source, row->ip_version == 4 ? 4 : 16);
        }
    }
}

// Nothing behind the header is ever asked for: the octets that follow stay in the socket.
static void only_its_own_octets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].state != PROXY_COMPLETE)
            continue;
        struct row longer = rows[i];
        char octets[128];
        memcpy(octets, rows[i].octets, rows[i].len);
        memcpy(octets + rows[i].len, BEHIND, 3);
        longer.octets = octets;
        longer.len += 3;
        struct proxy_header header = {0};
        size_t used;
        assert_int_equal(feed(&header, &longer, SIZE_MAX, &used), PROXY_COMPLETE);
        assert_int_equal(used, rows[i].len);
    }
}

static void the_longest(void **state)
{
    (void)state;
    static char octets[PROXY_HEADER_HEAD + PROXY_HEADER_BODY_MAX];
    memcpy(octets, SIGNATURE "\x21\x11\x10\x00" V4, 28);
    const struct row row = {octets, sizeof octets, PROXY_COMPLETE, NULL, 4};
    for (size_t most = 1; most <= sizeof octets; most += 97) {
        struct proxy_header header = {0};
        struct ke_source_address from;
        size_t used;
        assert_int_equal(feed(&header, &row, most, &used), PROXY_COMPLETE);
        assert_int_equal(used, sizeof octets);
        assert_true(proxy_header_source(&header, &from));
        assert_memory_equal(from.octets, "\xc0\x00\x02\x01", 4);
    }
}

// Every octet of the head changed to every value: never more than the header is wanted.
static void any_head(void **state)
{
    (void)state;
    static const char good[] = SIGNATURE "\x21\x11\x00\x0c" V4;
    for (size_t at = 0; at < PROXY_HEADER_HEAD; at++) {
        for (unsigned value = 0; value < 256; value++) {
            char octets[sizeof good - 1];
            memcpy(octets, good, sizeof octets);
            octets[at] = (char)value;
            const struct row row = {octets, sizeof octets, PROXY_BAD, NULL, 0};
            struct proxy_header header = {0};
            size_t used;
            feed(&header, &row, SIZE_MAX, &used);
            assert_true(used <= sizeof octets);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_in_pieces),
        cmocka_unit_test(only_its_own_octets),
        cmocka_unit_test(the_longest),
        cmocka_unit_test(any_head),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/proxy_header", tests, NULL, NULL);
}
