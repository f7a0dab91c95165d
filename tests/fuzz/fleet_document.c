// The document of a fleet, which an operator, a tool or etcd writes. After its first octet an input
// is a text as it is, or one that gets a right sum: else no change of a seed would be read to its
// end.
#include "fleet/document.h"

#include "tests/fuzz/fuzz.h"

#include <openssl/sha.h>
#include <stdio.h>

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SPAN "2026-12-01T00:00Z 2027-01-01T00:00Z " SECRET "\n"
#define NEXT "2027-01-01T00:00Z 2027-02-01T00:00:00Z " SECRET "\n"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("+noonmark-fleet 1\nserial 1\n" SPAN),
    SEED("+noonmark-fleet 1\n# x\nserial 18446744073709551615\nrotate 30d\n" SPAN NEXT
         "revoke 1b2c3d4e\n"),
    SEED("+noonmark-fleet 1\nserial 7\nrotate 1s\n1970-01-01T00:00Z 9999-12-31T23:59:59Z " SECRET
         "\n"),
    SEED("=noonmark-fleet 1\nserial 1\n" SPAN "sum " SECRET "\n"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

// With a last line that has the sum of all before it.
static char *with_sum(const char *text, size_t *len)
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    char *longer = malloc(*len + sizeof "sum \n" + 2 * sizeof sum);

    must(longer != NULL);
    memcpy(longer, text, *len);
    SHA256((const uint8_t *)text, *len, sum);
    size_t n = *len + (size_t)sprintf(longer + *len, "sum ");
    for (size_t i = 0; i < sizeof sum; i++)
        n += (size_t)sprintf(longer + n, "%02x", sum[i]);
    longer[n++] = '\n';
    *len = n;
    return longer;
}

// What was read is written in another way, and is the same when it is read again.
static void read_again(const struct fleet_document *document)
{
    static struct fleet_document again;
    static char text[FLEET_TEXT_MAX];
    char one[FLEET_FINGERPRINT_LEN], other[FLEET_FINGERPRINT_LEN];
    struct fleet_error error;

    must(fleet_document_sound(document, &error));
    const size_t len = fleet_document_print(document, text);
    must(len <= sizeof text && fleet_document_parse(text, len, &again, &error));
    must(memcmp(document, &again, sizeof again) == 0);
    fleet_document_fingerprint(document, one);
    fleet_document_fingerprint(&again, other);
    must(strcmp(one, other) == 0);
    fleet_document_end(document, 0);
    fleet_document_end(document, INT64_C(1) << 40);
}

void fuzz_one(const uint8_t *octets, size_t len)
{
    static struct fleet_document document;
    static const struct fleet_document none;
    struct fleet_error error;

    if (len == 0)
        return;
    size_t n = len - 1;
    char *text = malloc(n == 0 ? 1 : n);
    must(text != NULL);
    memcpy(text, octets + 1, n);
    if (octets[0] % 2 == 1) {
        char *longer = with_sum(text, &n);
        free(text);
        text = longer;
    }
    const bool good = fleet_document_parse(text, n, &document, &error);
    free(text);
    if (good)
        read_again(&document);
    else
        must(memcmp(&document, &none, sizeof none) == 0 && error.text[0] != '\0' &&
             strchr(error.text, '\n') == NULL);
}
