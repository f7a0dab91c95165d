// Reading the requests that change the cookie keys.
#include "control/show/keys_request.h"

#include "control/keys/keys.h"

#include <stdint.h>
#include <string.h>

static const char rotate[] = "keys rotate";
static const char revoke[] = "keys revoke";
static const char revoke_one[] = "keys revoke ";

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

bool keys_is_request(const char *line)
{
    return strcmp(line, rotate) == 0 || strcmp(line, revoke) == 0 || begins(line, revoke_one);
}

// Eight digits of hex and nothing more.
static bool read_id(const char *text, uint32_t *id)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t value = 0;
    if (strlen(text) != 8)
        return false;
    for (; *text != '\0'; text++) {
        const char *digit = strchr(digits, *text);
        if (digit == NULL)
            return false;
        value = value << 4 | (uint32_t)(digit - digits);
    }
    *id = value;
    return true;
}

const char *keys_request(struct keys *keys, const char *line)
{
    uint32_t id;
    if (strcmp(line, rotate) == 0)
        return keys_ask_rotation(keys);
    if (strcmp(line, revoke) == 0)
        return keys_ask_revocation(keys, NULL);
    if (!read_id(line + strlen(revoke_one), &id))
        return "an id of a key is eight digits of hex, as noonmarkctl keys shows it";
    return keys_ask_revocation(keys, &id);
}
