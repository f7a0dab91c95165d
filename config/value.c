// Parsing and printing of each type of value.
#include "config/value.h"

#include "config/config.h"
#include "config/host.h"
#include "config/number.h"
#include "config/prefix.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_TEXT_MAX = 64 };

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
    if (!number_digits(text, n, UINT32_MAX - 1, &id) || id == 0)
        return false;
    if (text[n] == '\0')
        return true;
    return text[n] == ':' &&
           number_digits(text + n + 1, strlen(text + n + 1), UINT32_MAX - 1, &id) && id != 0;
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
    if (colon == NULL || !number_digits(colon + 1, strlen(colon + 1), 65535, &port) || port == 0)
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
        return number_parse(key, text, into);
    case SCHEMA_FRACTION:
        return number_parse_fraction(key, text, into);
    case SCHEMA_DURATION:
        return number_parse_duration(key, text, into);
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
    case SCHEMA_FRACTION:
        number_fraction_text(*(const uint32_t *)from, text, sizeof text);
        fputs(text, out);
        break;
    case SCHEMA_DURATION:
        number_duration_text(*(const uint32_t *)from, key->unit_ns, text, sizeof text);
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
