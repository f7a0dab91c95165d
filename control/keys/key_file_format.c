// The octets of a key file.
#include "control/keys/key_file_format.h"

#include "base/bytes.h"

#include <openssl/sha.h>
#include <string.h>

enum {
    VERSION = 1,
    AT_VERSION = 16,
    AT_N = 20,
    AT_GENERATION = 24,
    AT_BOOT = 32,
    AT_WRITTEN = 48,
    AT_KEYS = 64,
    KEY_LEN = 48,
    AT_SUM = AT_KEYS + KEY_SET_MAX * KEY_LEN,
};
static_assert(AT_SUM + SHA256_DIGEST_LENGTH == KEY_FILE_LEN, "the picture in key_file.h");

static const uint8_t magic[16] = "noonmark keys";

void key_file_encode(const struct key_set *set, const struct key_file_moment *moment,
                     uint8_t octets[KEY_FILE_LEN])
{
    memset(octets, 0, KEY_FILE_LEN);
    memcpy(octets, magic, sizeof magic);
    be32_put(octets + AT_VERSION, VERSION);
    be32_put(octets + AT_N, set->n);
    be64_put(octets + AT_GENERATION, set->generation);
    memcpy(octets + AT_BOOT, moment->boot, sizeof moment->boot);
    be64_put(octets + AT_WRITTEN, (uint64_t)moment->now_ns);
    for (uint32_t i = 0; i < set->n; i++) {
        uint8_t *at = octets + AT_KEYS + KEY_LEN * i;
        be32_put(at, set->key[i].id);
        at[4] = set->key[i].foreign_ad;
        int64_t age_ns = moment->now_ns - set->key[i].made_ns;
        be64_put(at + 8, age_ns < 0 ? 0 : (uint64_t)age_ns);
        memcpy(at + 16, set->key[i].secret, COOKIE_KEY_LEN);
    }
    SHA256(octets, AT_SUM, octets + AT_SUM);
}

// The time when a key was made, on this boot's clock. If the file is from another boot, the age
// continues from the stored one.
static int64_t made_ns(uint64_t age_ns, uint64_t written_ns, bool same_boot,
                       const struct key_file_moment *moment)
{
    int64_t then = same_boot ? (int64_t)written_ns : moment->now_ns;
    return then - (int64_t)age_ns;
}

const char *key_file_decode(const uint8_t octets[KEY_FILE_LEN],
                            const struct key_file_moment *moment, struct key_set *set)
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    if (memcmp(octets, magic, sizeof magic) != 0)
        return "it is not a key file";
    if (be32_get(octets + AT_VERSION) != VERSION)
        return "another version of noonmark wrote it";
    if (SHA256(octets, AT_SUM, sum) == NULL || memcmp(sum, octets + AT_SUM, sizeof sum) != 0)
        return "its checksum is wrong";

    *set = (struct key_set){.n = be32_get(octets + AT_N),
                            .generation = be64_get(octets + AT_GENERATION)};
    if (set->n < 2 || set->n > KEY_SET_MAX)
        return "it does not contain a set of keys";

    // If the clock in the file is ahead of this one, the file is from another machine or another
    // time namespace.
    uint64_t written_ns = be64_get(octets + AT_WRITTEN);
    bool same_boot = memcmp(octets + AT_BOOT, moment->boot, sizeof moment->boot) == 0 &&
                     written_ns <= (uint64_t)moment->now_ns;
    for (uint32_t i = 0; i < set->n; i++) {
        const uint8_t *at = octets + AT_KEYS + KEY_LEN * i;
        uint64_t age_ns = be64_get(at + 8);
        if (age_ns > INT64_MAX / 2)
            return "it contains an impossible age";
        struct key *key = &set->key[i];
        key->id = be32_get(at);
        key->foreign_ad = at[4];
        key->made_ns = made_ns(age_ns, written_ns, same_boot, moment);
        memcpy(key->secret, at + 16, COOKIE_KEY_LEN);
    }
    return key_set_sound(set) ? NULL : "two of its keys share an id";
}
