// The mistakes that people make most.
#include "config/hint.h"

#include "config/host.h"

#include <string.h>

static const char *hint_host(const char *text)
{
    unsigned port;

    if (host_has_port(text, &port))
        return ", a host with a port";
    if (text[0] == '[')
        return ", an address in brackets";
    if (text[0] != '\0' && strspn(text, "0123456789.") == strlen(text))
        return ", neither an IPv4 address of one host nor a name";
    return "";
}

static const char *hint_listen(const char *text)
{
    struct config_address address;
    unsigned port;

    if (strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0 || host_address(text, &address) ||
        (text[0] == '[' && text[strlen(text) - 1] == ']'))
        return ", an address without a port";
    if (host_has_port(text, &port) && text[strspn(text, "0123456789.:[]abcdefABCDEF")] != '\0')
        return ", which has a name in the place of an address";
    return "";
}

const char *hint_value(const struct schema_key *key, const char *text)
{
    if (strchr(text, '\t') != NULL)
        return ", with a tab in it";
    switch (key->type) {
    case SCHEMA_HOST:
    case SCHEMA_ADDRESS:
        return hint_host(text);
    case SCHEMA_LISTEN:
        return hint_listen(text);
    default:
        return "";
    }
}

bool hint_is_null(const char *text)
{
    static const char *const words[] = {"~", "null", "Null", "NULL"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

const char *hint_encoding(const char *text, size_t len, size_t *line)
{
    *line = 1;
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return "this file is UTF-16 or UTF-32, by its byte order mark; save it as UTF-8";
    const char *mark = memmem(text, len, "\xef\xbb\xbf", 3);
    if (mark == NULL)
        return NULL;
    *line = hint_line(text, len, (size_t)(mark - text));
    return "a byte order mark (U+FEFF, which editors do not show) stands here; save the file as "
           "UTF-8 without one";
}

size_t hint_line(const char *text, size_t len, size_t at)
{
    size_t line = 1;

    for (size_t i = 0; i < at && i < len; i++)
        line += text[i] == '\n';
    return line;
}

bool hint_tab(const char *text, size_t len, size_t line)
{
    const char *end = text + len;

    for (; line > 1 && text < end; line--) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        text = next == NULL ? end : next + 1;
    }
    while (text < end && (*text == ' ' || *text == '-'))
        text++;
    return text < end && *text == '\t';
}
