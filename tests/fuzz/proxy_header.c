// The header with which a load balancer begins, in pieces: the first octet of an input says how
// long they are.
#include "control/ke/proxy_header.h"

#include "tests/fuzz/fuzz.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("\x01" SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x10\0\x11\x6c"),
    SEED("\x40" SIGNATURE "\x21\x21\0\x24"
         "0123456789abcdefFEDCBA9876543210\x10\0\x11\x6c"),
    SEED("\x07" SIGNATURE "\x20\0\0\0"),
    SEED("\x09" SIGNATURE "\x21\x11\0\x13\xc0\0\2\1\xc0\0\2\2\x10\0\x11\x6c\x03\0\4abcd\x16\x03\1"),
    SEED("\x20"
         "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

void fuzz_one(const uint8_t *octets, size_t len)
{
    struct proxy_header header = {0};
    struct ke_source_address from = {0};
    enum proxy_state state = PROXY_INCOMPLETE;
    const size_t most = len == 0 ? 1 : 1 + octets[0] % 64;

    for (size_t at = 1; at < len && state == PROXY_INCOMPLETE;) {
        size_t n = proxy_header_wants(&header);
        must(n > 0);
        n = n < most ? n : most;
        n = n < len - at ? n : len - at;
        state = proxy_header_take(&header, octets + at, n);
        at += n;
    }
    must(header.n <= PROXY_HEADER_HEAD + PROXY_HEADER_BODY_MAX);
    if (state == PROXY_COMPLETE)
        proxy_header_source(&header, &from);
}
