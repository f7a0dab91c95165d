// Which hosts are allowed.
#include "config/host.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_MAX = 63, HOST_TEXT_MAX = 255 };

bool host_address(const char *text, struct config_address *into)
{
    struct config_address a = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};
    static const uint8_t zero[16];

    if (inet_pton(a.family, text, a.octets) != 1 || memcmp(a.octets, zero, sizeof zero) == 0)
        return false;
    if (a.family == AF_INET ? a.octets[0] >= 224 : a.octets[0] == 0xff)
        return false;
    *into = a;
    return true;
}

// RFC 1123, section 2.1: letters, digits and inner hyphens. Underscores are not in it, but in use.
static bool label_allowed(const char *label, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return len >= 1 && len <= LABEL_MAX && strspn(label, letters) >= len && label[0] != '-' &&
           label[len - 1] != '-';
}

// RFC 1123, section 2.1: a name whose last label is a number would be taken for an address. The
// root's dot may stand at the end.
static bool name_allowed(const char *text)
{
    while (true) {
        const size_t len = strcspn(text, ".");
        if (!label_allowed(text, len))
            return false;
        const char *next = text + len;
        if (next[0] == '\0' || next[1] == '\0')
            return strspn(text, "0123456789") < len;
        text = next + 1;
    }
}

bool host_allowed(const char *text)
{
    struct config_address address;

    return text[0] == '\0' || host_address(text, &address) || name_allowed(text);
}

bool host_has_port(const char *text, unsigned *port)
{
    char host[HOST_TEXT_MAX + 1];
    const char *colon = strrchr(text, ':');

    if (colon == NULL || colon == text || (size_t)(colon - text) > HOST_TEXT_MAX)
        return false;
    const size_t digits = strspn(colon + 1, "0123456789");
    if (digits < 1 || digits > 5 || colon[1 + digits] != '\0' || colon[1] == '0')
        return false;
    size_t len = (size_t)(colon - text);
    const bool brackets = text[0] == '[' && len > 2 && text[len - 1] == ']';
    len -= brackets ? 2 : 0;
    memcpy(host, text + (brackets ? 1 : 0), len);
    host[len] = '\0';
    *port = (unsigned)strtoul(colon + 1, NULL, 10);
    return host_allowed(host);
}
