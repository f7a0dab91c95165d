// The values that a key may have, in words for error messages.
#include "config/schema.h"

#include "config/number.h"

#include <stdio.h>

enum { NS_PER_US = 1000, NS_PER_MS = 1000000 };

static void allowed_words(const char *const *words, char *out, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; words[i] != NULL && at < len; i++) {
        const char *join = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        at += (size_t)snprintf(out + at, len - at, "%s%s", join, words[i]);
    }
}

void schema_allowed(const struct schema_key *key, char *out, size_t len)
{
    char least[16], most[16];

    switch (key->type) {
    case SCHEMA_GROUP:
        snprintf(out, len, "a mapping of keys to values");
        break;
    case SCHEMA_NUMBER:
        snprintf(out, len, "a number from %u to %u", key->min, key->max);
        break;
    case SCHEMA_FRACTION:
        number_fraction_text(key->min, least, sizeof least);
        number_fraction_text(key->max, most, sizeof most);
        snprintf(out, len, "a number from %s to %s, with up to six digits behind the point", least,
                 most);
        break;
    case SCHEMA_DURATION:
        number_duration_text(key->min, key->unit_ns, least, sizeof least);
        number_duration_text(key->max, key->unit_ns, most, sizeof most);
        snprintf(out, len, "a time from %s to %s, with its unit (%ss, m, h or d)", least, most,
                 key->unit_ns == 1           ? "ns, us, ms, "
                 : key->unit_ns == NS_PER_US ? "us, ms, "
                 : key->unit_ns == NS_PER_MS ? "ms, "
                                             : "");
        break;
    case SCHEMA_SOURCE:
        snprintf(out, len, "system, chronyd, fixed, or phc: and a device in /dev (phc:/dev/ptp0)");
        break;
    case SCHEMA_WORD:
    case SCHEMA_CHOICE:
        allowed_words(key->words, out, len);
        break;
    case SCHEMA_TEXT:
        snprintf(out, len, "%u to %u printable ASCII characters", key->min, key->max);
        break;
    case SCHEMA_NAME:
        snprintf(out, len, "a name of %u to %u ASCII characters without blanks or '/'", key->min,
                 key->max);
        break;
    case SCHEMA_PATH:
        snprintf(out, len, "an absolute path of at most %u ASCII characters%s", key->max,
                 key->min == 0 ? ", or \"\"" : "");
        break;
    case SCHEMA_HOST:
        snprintf(out, len,
                 "a host name or an IP address without a port, of at most %u characters, or \"\"",
                 key->max);
        break;
    case SCHEMA_USER:
        snprintf(out, len, "a user's name, or a number UID or UID:GID from 1 to 4294967294");
        break;
    case SCHEMA_ADDRESS:
        snprintf(out, len, "the IPv4 or IPv6 address of one host, without port and prefix length");
        break;
    case SCHEMA_PREFIX:
        snprintf(out, len, "ADDRESS/LENGTH (192.0.2.0/24, 2001:db8::/32) or one host's address");
        break;
    case SCHEMA_LISTEN:
        snprintf(out, len, "ADDRESS:PORT or [ADDRESS]:PORT, port 1 to 65535%s",
                 key->min == 0 ? "; or \"\"" : "");
        break;
    case SCHEMA_REFERENCE_ID:
        snprintf(out, len, "1 to 4 ASCII characters (stratum 1) or a dotted IPv4 address (above)");
        break;
    }
}
