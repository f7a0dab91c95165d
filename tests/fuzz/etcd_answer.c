// What a member of etcd answers, or what says that it is one: JSON, base64, and the sealed value in
// it. The first octet says which answer, the second the HTTP status.
#include "etcd/base64.h"
#include "etcd/gateway.h"
#include "etcd/value.h"
#include "tests/fuzz/fuzz.h"

#define HEADER "\"header\":{\"cluster_id\":\"14\",\"member_id\":\"10\",\"revision\":\"7\"}"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("00{" HEADER "}"),
    SEED("00{" HEADER ",\"kvs\":[{\"key\":\"L2ZsZWV0\",\"create_revision\":\"2\",\"mod_revision\":"
         "\"9223372036854775807\",\"version\":\"1\",\"value\":\"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY\"}"
         "],\"count\":\"1\"}"),
    SEED("00{" HEADER ",\"kvs\":[{\"key\":\"L2ZsZWV0\",\"mod_revision\":3,\"value\":\"AQ==\"}]}"),
    SEED("10{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":{}}]}"),
    SEED("20{" HEADER ",\"token\":\"abc.17\"}"),
    SEED("01{\"error\":\"etcdserver: invalid auth token\",\"code\":16}"),
    SEED("02{\"code\":14,\"message\":\"etcdserver: no leader\",\"details\":[]}"),
    SEED("0"
         "3<html>\x1b[31m\xff</html>"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

static const uint8_t secret[SEAL_KEY_LEN] = {1};

// A value that etcd has.
static void look_at_value(const struct gateway_range *range)
{
    static char text[FLEET_TEXT_MAX], base64[BASE64_ROOM(GATEWAY_VALUE_MAX)];
    static uint8_t again[GATEWAY_VALUE_MAX];
    static struct fleet_document document;
    struct fleet_error error;
    size_t len;

    must(range->len <= sizeof range->value);
    base64_encode(range->value, range->len, base64);
    must(base64_decode(base64, again, sizeof again) == (ssize_t)range->len &&
         memcmp(again, range->value, range->len) == 0);
    must(value_open(secret, "/fleet", range->value, range->len, text, &len, &document, &error) !=
         VALUE_GOOD);
}

// The octets as a text that was sealed: whoever has the secret may have written nonsense.
static void look_sealed(const uint8_t *octets, size_t len)
{
    static uint8_t sealed[VALUE_MAX];
    static char text[FLEET_TEXT_MAX];
    static struct fleet_document document;
    struct fleet_error error;
    size_t n = 0;

    if (len > FLEET_TEXT_MAX)
        return;
    must(seal_close(secret, "/fleet", octets, len, sealed));
    must(value_open(secret, "/fleet", sealed, len + SEAL_OVERHEAD, text, &n, &document, &error) !=
         VALUE_UNOPENED);
    must(n == len && memcmp(text, octets, len) == 0);
    must(value_open(secret, "/other", sealed, len + SEAL_OVERHEAD, text, &n, &document, &error) ==
         VALUE_UNOPENED);
}

void fuzz_one(const uint8_t *octets, size_t len)
{
    static const long statuses[] = {200, 401, 503, 400, 0, 307, 500};
    static struct gateway_range range;
    static char token[GATEWAY_TOKEN_MAX];
    char why[GATEWAY_WHY_MAX] = "";
    bool written = false;
    enum gateway_result result;

    if (len < 2)
        return;
    const long status = statuses[octets[1] % (sizeof statuses / sizeof statuses[0])];
    const char *body = (const char *)octets + 2;
    if (octets[0] % 3 == 0)
        result = gateway_hear_range(status, body, len - 2, "/fleet", &range, why);
    else if (octets[0] % 3 == 1)
        result = gateway_hear_txn(status, body, len - 2, &written, why);
    else
        result = gateway_hear_token(status, body, len - 2, token, why);
    must(result < GATEWAY_RESULTS && memchr(why, '\0', sizeof why) != NULL);
    must(result == GATEWAY_GOOD || why[0] != '\0');
    for (const char *at = why; *at != '\0'; at++)
        must((unsigned char)*at >= ' ' && *at != 0x7f);
    if (result == GATEWAY_GOOD && octets[0] % 3 == 0 && range.found)
        look_at_value(&range);
    if (result == GATEWAY_GOOD && octets[0] % 3 == 2)
        must(token[0] != '\0' && strpbrk(token, "\r\n") == NULL);
    look_sealed(octets + 2, len - 2);
}
