#include "config/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { MAPPED_LEN = 96 };

static unsigned most_bits(const struct prefix *prefix)
{
    return prefix->ip_version == 4 ? 32 : 128;
}

// Reads a length without sign, blank and leading zero.
static bool read_len(const char *text, unsigned most, uint8_t *len)
{
    const size_t n = strspn(text, "0123456789");
    unsigned v = 0;

    if (n < 1 || n > 3 || text[n] != '\0' || (n > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned)(text[i] - '0');
    *len = (uint8_t)v;
    return v <= most;
}

// Bits beyond its length stay.
static bool read_any(const char *text, struct prefix *into)
{
    char address[PREFIX_TEXT_MAX];
    struct prefix read = {.ip_version = strchr(text, ':') != NULL ? 6 : 4};
    const size_t len = strcspn(text, "/");

    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    read.len = (uint8_t)most_bits(&read);
    if (inet_pton(read.ip_version == 4 ? AF_INET : AF_INET6, address, read.octets) != 1 ||
        (text[len] == '/' && !read_len(text + len + 1, most_bits(&read), &read.len)))
        return false;
    *into = read;
    return true;
}

static void clear_rest(struct prefix *prefix)
{
    for (unsigned i = prefix->len; i < most_bits(prefix); i++)
        prefix->octets[i / 8] &= (uint8_t)(0xff ^ 0x80 >> i % 8);
}

static bool is_mapped(const struct prefix *prefix)
{
    static const uint8_t mapped[MAPPED_LEN / 8] = {[10] = 0xff, 0xff};
    return prefix->ip_version == 6 && prefix->len >= MAPPED_LEN &&
           memcmp(prefix->octets, mapped, sizeof mapped) == 0;
}

bool prefix_read(const char *text, struct prefix *into)
{
    struct prefix read, cleared;

    if (!read_any(text, &read) || is_mapped(&read))
        return false;
    cleared = read;
    clear_rest(&cleared);
    if (memcmp(cleared.octets, read.octets, sizeof read.octets) != 0)
        return false;
    *into = read;
    return true;
}

bool prefix_mended(const char *text, char mended[PREFIX_TEXT_MAX])
{
    struct prefix read;

    if (!read_any(text, &read))
        return false;
    if (is_mapped(&read)) {
        struct prefix v4 = {.ip_version = 4, .len = (uint8_t)(read.len - MAPPED_LEN)};
        memcpy(v4.octets, read.octets + MAPPED_LEN / 8, 4);
        read = v4;
    }
    clear_rest(&read);
    prefix_write(&read, mended);
    return true;
}

void prefix_write(const struct prefix *prefix, char text[PREFIX_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];

    inet_ntop(prefix->ip_version == 4 ? AF_INET : AF_INET6, prefix->octets, address,
              sizeof address);
    snprintf(text, PREFIX_TEXT_MAX, "%s/%u", address, prefix->len);
}
