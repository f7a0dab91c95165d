// Parsing and printing of each type of value.
#include "config/value.h"

#include "config/config.h"
#include "config/host.h"
#include "config/prefix.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_TEXT_MAX = 64 };

// Parses digits only, up to the value `most`: no sign, no blank, no hexadecimal. True with *value
// set.
static bool digits(const char *text, size_t len, uint64_t most, uint64_t *value)
{
    uint64_t v = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text[i] - '0');
        if (v > most)
            return false;
    }
    *value = v;
    return true;
}

static bool parse_number(const struct schema_key *key, const char *text, void *into)
{
    uint64_t v;
    if (!digits(text, strlen(text), key->max, &v) || v < key->min)
        return false;

    const uint8_t octet = (uint8_t)v;
    const uint16_t half = (uint16_t)v;
    const uint32_t whole = (uint32_t)v;
    memcpy(into,
           key->size == sizeof octet  ? (const void *)&octet
           : key->size == sizeof half ? (const void *)&half
                                      : (const void *)&whole,
           key->size);
    return true;
}

static uint32_t number_of(const struct schema_key *key, const void *from)
{
    uint8_t octet;
    uint16_t half;
    uint32_t whole;

    switch (key->size) {
    case sizeof octet:
        memcpy(&octet, from, sizeof octet);
        return octet;
    case sizeof half:
        memcpy(&half, from, sizeof half);
        return half;
    default:
        memcpy(&whole, from, sizeof whole);
        return whole;
    }
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"d", UINT64_C(86400000000000)},
             {"h", UINT64_C(3600000000000)},
             {"m", UINT64_C(60000000000)},
             {"s", 1000000000},
             {"ms", 1000000},
             {"us", 1000},
             {"ns", 1}};
enum { UNITS = sizeof units / sizeof units[0] };

static bool parse_duration(const struct schema_key *key, const char *text, void *into)
{
    const size_t n = strspn(text, "0123456789");
    uint64_t v;
    if (!digits(text, n, UINT32_MAX, &v))
        return false;

    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(text + n, units[i].name) != 0)
            continue;
        if (v > UINT64_MAX / units[i].ns)
            return false;
        const uint64_t ns = v * units[i].ns;
        const uint64_t count = ns / key->unit_ns;
        if (ns % key->unit_ns != 0 || count < key->min || count > key->max)
            return false;
        *(uint32_t *)into = (uint32_t)count;
        return true;
    }
    return false;
}

void value_duration_text(uint32_t count, uint64_t unit_ns, char *out, size_t len)
{
    const uint64_t ns = count * unit_ns;
    for (size_t i = 0; i < UNITS; i++) {
        if (ns % units[i].ns != 0 || (ns == 0 && units[i].ns != unit_ns))
            continue;
        snprintf(out, len, "%llu%s", (unsigned long long)(ns / units[i].ns), units[i].name);
        return;
    }
}

static bool parse_choice(const struct schema_key *key, const char *text, void *into)
{
    for (int i = 0; key->words[i] != NULL; i++) {
        if (strcmp(text, key->words[i]) != 0)
            continue;
        if (key->type == SCHEMA_CHOICE)
            memcpy(into, &i, sizeof i);
        else
            *(char **)into = strdup(text);
        return key->type == SCHEMA_CHOICE || *(char **)into != NULL;
    }
    return false;
}

#define PHC_PREFIX "phc:"
#define PHC_PLACE "/dev/"

// A word; or "phc:" and a device: udev's names of such clocks lie in /dev, too.
static bool parse_source(const struct schema_key *key, const char *text, char *into)
{
    const bool phc = strncmp(text, PHC_PREFIX, strlen(PHC_PREFIX)) == 0;
    const char *device = text + strlen(PHC_PREFIX);

    for (int i = 0; key->words[i] != NULL; i++) {
        if (phc ? strcmp(key->words[i], "phc") != 0 : strcmp(key->words[i], text) != 0)
            continue;
        if (!phc && strcmp(text, "phc") == 0)
            return false; // which one?
        if (phc && (strncmp(device, PHC_PLACE, strlen(PHC_PLACE)) != 0 ||
                    device[strlen(PHC_PLACE)] == '\0' || strlen(device) >= CONFIG_PHC_MAX ||
                    strstr(device, "..") != NULL))
            return false;
        for (const char *at = device; phc && *at != '\0'; at++)
            if (*at <= 0x20 || *at > 0x7e)
                return false;
        memcpy(into, &i, sizeof i);
        if (phc)
            memcpy(into + sizeof i, device, strlen(device) + 1);
        return true;
    }
    return false;
}

static bool user_allowed(const char *text)
{
    uint64_t id;
    const size_t n = strspn(text, "0123456789");

    if (n == 0) // a name; the supervisor checks whether there is such a user
        return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                   strlen(text) &&
               text[0] != '-';
    if (!digits(text, n, UINT32_MAX - 1, &id) || id == 0)
        return false;
    if (text[n] == '\0')
        return true;
    return text[n] == ':' && digits(text + n + 1, strlen(text + n + 1), UINT32_MAX - 1, &id) &&
           id != 0;
}

static bool text_allowed(const struct schema_key *key, const char *text)
{
    const size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    if (key->type == SCHEMA_USER)
        return len >= 1 && len <= 64 && user_allowed(text);
    if (len < key->min || len > key->max)
        return false;
    switch (key->type) {
    case SCHEMA_NAME:
        return strpbrk(text, " /") == NULL && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
    case SCHEMA_PATH:
        return len == 0 || (text[0] == '/' && text[len - 1] != '/');
    case SCHEMA_HOST:
        return host_allowed(text);
    default:
        return true;
    }
}

static bool parse_text(const struct schema_key *key, const char *text, void *into)
{
    if (!text_allowed(key, text))
        return false;
    char *copy = strdup(text);
    if (copy == NULL)
        return false;
    *(char **)into = copy;
    return true;
}

bool value_endpoint(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
    char host[ADDRESS_TEXT_MAX];
    struct sockaddr_storage read = {0};
    uint64_t port;

    const char *colon = strrchr(text, ':');
    if (colon == NULL || !digits(colon + 1, strlen(colon + 1), 65535, &port) || port == 0)
        return false;
    const bool v6 = text[0] == '[';
    const char *start = v6 ? text + 1 : text;
    const char *end = v6 ? colon - 1 : colon;
    if (end <= start || (v6 && *end != ']') || (size_t)(end - start) >= sizeof host)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';

    // Family and port are at the same place in both.
    struct sockaddr_in *v4_form = (struct sockaddr_in *)&read;
    void *at = v6 ? (void *)&((struct sockaddr_in6 *)&read)->sin6_addr : &v4_form->sin_addr;
    v4_form->sin_family = v6 ? AF_INET6 : AF_INET;
    v4_form->sin_port = htons((uint16_t)port);
    if (inet_pton(read.ss_family, host, at) != 1)
        return false;
    *len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    *address = read;
    return true;
}

static bool parse_listen(const struct schema_key *key, const char *text, struct config_listen *into)
{
    *into = (struct config_listen){.key = key->path};
    if ((text[0] != '\0' || key->min > 0) && !value_endpoint(text, &into->address, &into->len))
        return false;
    into->text = strdup(text);
    return into->text != NULL;
}

// Only the text; check.c checks which of the two forms the stratum requires, and sets the word.
static bool parse_reference_id(const struct schema_key *key, const char *text, char *into)
{
    const size_t len = strlen(text);
    struct in_addr address;

    if (len == 0 || len >= key->size - sizeof(uint32_t)) // behind the text stands the word
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    if (len > 4 && inet_pton(AF_INET, text, &address) != 1)
        return false;
    memcpy(into, text, len + 1);
    return true;
}

bool value_parse(const struct schema_key *key, const char *text, void *into)
{
    switch (key->type) {
    case SCHEMA_GROUP:
        return false;
    case SCHEMA_NUMBER:
        return parse_number(key, text, into);
    case SCHEMA_DURATION:
        return parse_duration(key, text, into);
    case SCHEMA_WORD:
    case SCHEMA_CHOICE:
        return parse_choice(key, text, into);
    case SCHEMA_SOURCE:
        return parse_source(key, text, into);
    case SCHEMA_TEXT:
    case SCHEMA_NAME:
    case SCHEMA_PATH:
    case SCHEMA_HOST:
    case SCHEMA_USER:
        return parse_text(key, text, into);
    case SCHEMA_ADDRESS:
        return host_address(text, into);
    case SCHEMA_PREFIX:
        return prefix_read(text, into);
    case SCHEMA_LISTEN:
        return parse_listen(key, text, into);
    case SCHEMA_REFERENCE_ID:
        return parse_reference_id(key, text, into);
    }
    return false;
}

static void print_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void value_print(const struct schema_key *key, const void *from, FILE *out)
{
    char text[ADDRESS_TEXT_MAX];
    const struct config_address *address = from;
    int choice;

    switch (key->type) {
    case SCHEMA_GROUP:
        break;
    case SCHEMA_NUMBER:
        fprintf(out, "%u", number_of(key, from));
        break;
    case SCHEMA_DURATION:
        value_duration_text(*(const uint32_t *)from, key->unit_ns, text, sizeof text);
        fputs(text, out);
        break;
    case SCHEMA_CHOICE:
        memcpy(&choice, from, sizeof choice);
        fputs(key->words[choice], out);
        break;
    case SCHEMA_SOURCE:
        memcpy(&choice, from, sizeof choice);
        snprintf(text, sizeof text, "%s%s%s", key->words[choice],
                 ((const char *)from)[sizeof choice] != '\0' ? ":" : "",
                 (const char *)from + sizeof choice);
        print_quoted(text, out);
        break;
    case SCHEMA_WORD:
        fputs(*(char *const *)from, out);
        break;
    case SCHEMA_TEXT:
    case SCHEMA_NAME:
    case SCHEMA_PATH:
    case SCHEMA_HOST:
    case SCHEMA_USER:
        print_quoted(*(char *const *)from, out);
        break;
    case SCHEMA_ADDRESS:
        inet_ntop(address->family, address->octets, text, sizeof text);
        print_quoted(text, out);
        break;
    case SCHEMA_PREFIX:
        prefix_write(from, text);
        print_quoted(text, out);
        break;
    case SCHEMA_LISTEN:
        print_quoted(((const struct config_listen *)from)->text, out);
        break;
    case SCHEMA_REFERENCE_ID:
        print_quoted(from, out);
        break;
    }
}

// Is the value a char * of its own?
static bool is_heap_text(enum schema_type type)
{
    return type == SCHEMA_WORD || type == SCHEMA_TEXT || type == SCHEMA_NAME ||
           type == SCHEMA_PATH || type == SCHEMA_HOST || type == SCHEMA_USER;
}

bool value_equal(const struct schema_key *key, const void *a, const void *b)
{
    const char *const *text_a = a;
    const char *const *text_b = b;

    if (is_heap_text(key->type))
        return strcmp(*text_a, *text_b) == 0;
    switch (key->type) {
    case SCHEMA_LISTEN:
        return strcmp(((const struct config_listen *)a)->text,
                      ((const struct config_listen *)b)->text) == 0;
    case SCHEMA_REFERENCE_ID:
        return strcmp(a, b) == 0;
    default:
        return memcmp(a, b, key->size) == 0;
    }
}

void value_free(const struct schema_key *key, void *at)
{
    if (is_heap_text(key->type))
        free(*(char **)at);
    else if (key->type == SCHEMA_LISTEN)
        free(((struct config_listen *)at)->text);
}
