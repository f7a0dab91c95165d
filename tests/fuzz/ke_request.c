// A request of NTS-KE, of a client or of a pool, and the octets in front of TLS: records in
// pieces, the first octet says how long they are.
#include "control/ke/client_hello.h"
#include "control/ke/ke_pool.h"
#include "control/ke/ke_records.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define NTPV4 "\x80\1\0\2\0\0"
#define SIV "\x80\4\0\2\0\x0f"
#define END "\x80\0\0\0"
#define TOKEN_TEXT "0123456789abcdefg"
#define TOKEN "\x00\x0e\0\x11" TOKEN_TEXT
#define KEYS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("\x0f" NTPV4 SIV END),
    SEED("\x03" NTPV4 "\x80\4\0\6\0\x10\0\x0f\0\x1e"
         "\0\6\0\1a"
         "\0\7\0\2\0\x7b" END "rest"),
    SEED("\x3f" TOKEN "\x80\x09\0\0\x80\x0a\0\0\x00\x08\0\0" END),
    SEED("\x3f" TOKEN NTPV4 SIV "\x80\x0c\0\x40" KEYS "\x00\x08\0\0" END),
    SEED("\x3f" TOKEN TOKEN "\x00\x0d\0\4host" NTPV4 SIV END),
    SEED("\x3f\x16\x03\1\0\x2e\1\0\0\x2a\3\3" KEYS),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

// Tokens as from their file.
static const struct ke_tokens *tokens(void)
{
    static struct ke_tokens *read_once;
    char why[256];

    if (read_once == NULL) {
        const int fd = memfd_create("tokens", MFD_CLOEXEC);
        must(fd >= 0 && write(fd, TOKEN_TEXT "\n", sizeof TOKEN_TEXT) == sizeof TOKEN_TEXT);
        must(ke_tokens_read(fd, "tokens", &read_once, why, sizeof why) == 0);
        close(fd);
    }
    return read_once;
}

static void answer(const struct ke_negotiation *negotiation)
{
    static uint8_t out[KE_RESPONSE_MAX], cookies[KE_COOKIES * 512];
    const struct ke_offer offer = {.ntp_server = "", .udp_port = 123, .cookies = cookies};

    if (negotiation->refused)
        must(ke_error_write(negotiation->error, out) == KE_ERROR_LEN);
    else
        must(ke_pool_keep_write(out, ke_response_write(negotiation, &offer, out)) <= sizeof out);
}

static void look_at(const uint8_t *request, size_t len)
{
    static uint8_t out[KE_RESPONSE_MAX];
    const struct ke_negotiation negotiation = ke_negotiate(request, len);
    const enum ke_pool_identity identity = ke_pool_identify(tokens(), request, len);

    must(identity <= KE_FROM_POOL && ke_pool_identify(NULL, request, len) <= KE_FROM_POOL);
    answer(&negotiation);
    const struct ke_pool_request pool = ke_pool_read(request, len);
    if (pool.refused)
        return;
    if (pool.protocols || pool.aeads)
        must(ke_pool_lists_write(&pool, out) <= sizeof out);
    if (pool.keys != NULL) {
        const struct aead *aead = pool.negotiation.aead; // NULL: none that we have
        must(pool.keys >= request && pool.keys <= request + len);
        must(aead == NULL || pool.keys + 2 * aead->lengths->key <= request + len);
        answer(&pool.negotiation);
    }
}

void fuzz_one(const uint8_t *octets, size_t len)
{
    struct ke_framing framing = {0};
    struct client_hello hello = {0};

    if (len < 1)
        return;
    const size_t step = 1 + octets[0] % 64,
                 all = len - 1 < KE_REQUEST_MAX ? len - 1 : KE_REQUEST_MAX;
    const uint8_t *request = octets + 1;
    for (size_t n = 0; n < all && !framing.ended && !framing.broken;) {
        n = n + step < all ? n + step : all;
        ke_framing_advance(&framing, request, n);
    }
    if (framing.ended && !framing.broken) {
        must(framing.at <= all);
        look_at(request, framing.at);
    }
    bool sound = true;
    for (size_t at = 1; at < len && sound; at += step)
        sound = client_hello_watch(&hello, octets + at, len - at < step ? len - at : step);
}
