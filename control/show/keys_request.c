// Reading the requests that change the cookie keys.
#include "control/show/keys_request.h"

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const char rotate[] = "keys rotate";
static const char revoke_all[] = "keys revoke";
static const char revoke_one[] = "keys revoke ";
static const char import[] = "keys import ";
static const char import_seal[] = "keys import-seal ";

// What follows those words in the line; NULL: it has other words.
static const char *behind(const char *line, const char *words)
{
    return strncmp(line, words, strlen(words)) == 0 ? line + strlen(words) : NULL;
}

bool keys_is_request(const char *line)
{
    return strcmp(line, rotate) == 0 || strcmp(line, revoke_all) == 0 || behind(line, revoke_one) ||
           behind(line, import) || behind(line, import_seal);
}

// Reads 2 * len digits of hex. Returns what follows them; NULL: they are not there.
static const char *read_hex(const char *text, uint8_t *octets, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 2 * len; i++, text++) {
        const char *digit = *text != '\0' ? strchr(digits, *text) : NULL;
        if (digit == NULL)
            return NULL;
        octets[i / 2] = (uint8_t)(octets[i / 2] << 4 | (digit - digits));
    }
    return text;
}

// Reads an id. Returns what follows it, or NULL.
static const char *read_id(const char *text, uint32_t *id)
{
    uint8_t octets[COOKIE_ID_LEN];
    const char *rest = read_hex(text, octets, sizeof octets);
    if (rest != NULL)
        *id = be32_get(octets);
    return rest;
}

// Reads all keys of an import into `keys`. Returns how many; 0: the text has another form.
static uint32_t read_keys(const char *text, struct keys_foreign keys[KEYS_LINES])
{
    for (uint32_t n = 0; n < KEYS_LINES;) {
        text = read_id(text, &keys[n].id);
        if (text == NULL || *text != ':')
            return 0;
        text = read_hex(text + 1, keys[n].secret, COOKIE_KEY_LEN);
        if (text == NULL || (*text != ' ' && *text != '\0'))
            return 0;
        n++;
        if (*text++ == '\0')
            return n;
    }
    return 0;
}

static const char *request_import(struct keys *keys, const char *text, bool seal)
{
    struct keys_foreign foreign[KEYS_LINES];
    const uint32_t n = read_keys(text, foreign);
    const char *why = n == 0 ? "not keys as this version reads them; is noonmarkctl of the same "
                               "version as this noonmarkd?"
                             : keys_ask_import(keys, foreign, n, seal);
    bytes_wipe(foreign, sizeof foreign);
    return why;
}

static const char *request_revocation(struct keys *keys, const char *text)
{
    uint32_t id;
    const char *rest = read_id(text, &id);
    if (rest == NULL || *rest != '\0')
        return "an id of a key is eight digits of hex, as noonmarkctl keys shows it";
    return keys_ask_revocation(keys, &id);
}

const char *keys_request(struct keys *keys, const char *line)
{
    const char *rest;
    if ((rest = behind(line, import)) != NULL)
        return request_import(keys, rest, false);
    if ((rest = behind(line, import_seal)) != NULL)
        return request_import(keys, rest, true);
    if ((rest = behind(line, revoke_one)) != NULL)
        return request_revocation(keys, rest);
    if (strcmp(line, revoke_all) == 0)
        return keys_ask_revocation(keys, NULL);
    return keys_ask_rotation(keys);
}
