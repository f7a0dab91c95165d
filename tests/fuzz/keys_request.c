// The requests that change keys, lines of the control socket. What they begin is noted here instead
// of done: the text is what is looked at.
#include "control/show/keys_request.h"

#include "tests/fuzz/fuzz.h"

#define KEY "0000002a:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("keys rotate"),
    SEED("keys revoke"),
    SEED("keys revoke 0000002a"),
    SEED("keys import " KEY),
    SEED("keys import-seal " KEY " " KEY " " KEY),
    SEED("keys import " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

static int asked; // how often

const char *keys_ask_rotation(struct keys *keys)
{
    (void)keys;
    asked++;
    return NULL;
}

const char *keys_ask_revocation(struct keys *keys, const uint32_t *id)
{
    (void)keys;
    (void)id;
    asked++;
    return NULL;
}

const char *keys_ask_import(struct keys *keys, const struct keys_foreign *foreign, uint32_t n,
                            bool seal)
{
    (void)keys;
    (void)foreign;
    (void)seal;
    asked++;
    must(n >= 1 && n <= KEYS_LINES);
    return NULL;
}

void fuzz_one(const uint8_t *octets, size_t len)
{
    char *line = fuzz_text(octets, len);

    asked = 0;
    if (keys_is_request(line)) {
        const char *why = keys_request(NULL, line);
        must((why == NULL) == (asked == 1) && asked <= 1);
    }
    free(line);
}
