// See shape.h.
#include "tests/client/shape.h"

#include "base/bytes.h"
#include "tests/client/octets.h"

#include <stdlib.h>

struct item {
    char name[8];
    char detail[PACKET_MAX];
    long len; // -1: not said
    unsigned count;
    uint8_t fill;
};

struct shape shape_plain(void)
{
    return (struct shape){
        .version = 4,
        .mode = 3,
        .fields = "uid,cookie,auth",
        .inner = "",
        .authenticator = packet_authenticator_plain(),
    };
}

// name[:detail][:len][=xx][*n]
static bool item_read(const char *text, size_t len, struct item *item)
{
    char word[PACKET_MAX];
    if (len == 0 || len >= sizeof word)
        return false;
    memcpy(word, text, len);
    word[len] = '\0';
    *item = (struct item){.len = -1, .count = 1};
    char *star = strchr(word, '*');
    if (star != NULL) {
        *star = '\0';
        item->count = (unsigned)atoi(star + 1);
    }
    char *equals = strchr(word, '=');
    if (equals != NULL) {
        *equals = '\0';
        item->fill = (uint8_t)strtoul(equals + 1, NULL, 16);
    }
    char *save;
    char *name = strtok_r(word, ":", &save);
    char *first = strtok_r(NULL, ":", &save);
    char *second = strtok_r(NULL, ":", &save);
    if (name == NULL || strlen(name) >= sizeof item->name)
        return false;
    strcpy(item->name, name);
    bool typed = strcmp(name, "ef") == 0 || strcmp(name, "raw") == 0;
    if (typed && first != NULL)
        strcpy(item->detail, first);
    const char *number = typed ? second : first;
    if (number != NULL)
        item->len = atol(number);
    return item->len < PACKET_MAX;
}

static bool item_write(const struct shape *shape, const struct item *item, struct packet *p)
{
    uint8_t body[PACKET_MAX];
    memset(body, item->fill, sizeof body);
    size_t len = item->len >= 0 ? (size_t)item->len : 0;
    if (strcmp(item->name, "uid") == 0) {
        len = item->len >= 0 ? len : 32;
        octets_random(body, len);
        packet_field(p, EF_UNIQUE_ID, body, len);
    } else if (strcmp(item->name, "cookie") == 0) {
        len = item->len >= 0 ? len : shape->cookie_len;
        size_t n = len < shape->cookie_len ? len : shape->cookie_len;
        if (n > 0)
            memcpy(body, shape->cookie, n);
        packet_field(p, EF_COOKIE, body, len);
    } else if (strcmp(item->name, "ph") == 0) {
        packet_field(p, EF_PLACEHOLDER, body, item->len >= 0 ? len : shape->cookie_len);
    } else if (strcmp(item->name, "ef") == 0) {
        packet_field(p, (uint16_t)strtoul(item->detail, NULL, 16), body, item->len >= 0 ? len : 24);
    } else if (strcmp(item->name, "mac") == 0) {
        octets_random(body, len);
        packet_raw(p, body, len);
    } else if (strcmp(item->name, "raw") == 0) {
        int n = octets_from_hex(item->detail, body, sizeof body);
        if (n < 0)
            return false;
        packet_raw(p, body, (size_t)n);
    } else {
        return false;
    }
    return true;
}

static bool list_write(const struct shape *shape, const char *list, const struct packet *inner,
                       struct packet *p)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        struct item item;
        if (!item_read(list, len, &item))
            return false;
        for (unsigned i = 0; i < item.count; i++) {
            if (inner != NULL && strcmp(item.name, "auth") == 0)
                packet_authenticate(p, &shape->authenticator, shape->c2s, inner->at, inner->len);
            else if (!item_write(shape, &item, p))
                return false;
        }
        list += len;
        list += *list == ',';
    }
    return true;
}

// What a reader of fields finds before the authenticator.
static void expect(const struct shape *shape, const struct packet *p, struct ask *ask)
{
    size_t at = NTP_HEADER_LEN;
    while (p->len >= at + 16) {
        unsigned type = be16_get(p->at + at);
        size_t field = be16_get(p->at + at + 2);
        if (field < EF_HEADER_LEN || field > p->len - at)
            return;
        if (type == EF_AUTHENTICATOR) {
            ask->s2c = shape->s2c;
            return;
        }
        if (type == EF_UNIQUE_ID) {
            ask->uid = p->at + at + EF_HEADER_LEN;
            ask->uid_len = field - EF_HEADER_LEN;
        }
        if (type == EF_PLACEHOLDER && field - EF_HEADER_LEN == shape->cookie_len)
            ask->cookies_asked++;
        at += field;
    }
}

bool shape_build(const struct shape *shape, struct packet *packet, struct ask *ask)
{
    static const struct packet nothing = {.len = 0};
    struct packet inner = nothing;
    packet_start(packet, shape->version, shape->mode);
    packet->at[2] = shape->poll;
    if (shape->random_header)
        octets_random(packet->at + 1, 39);
    if (!list_write(shape, shape->inner, NULL, &inner) ||
        !list_write(shape, shape->fields, &inner, packet))
        return false;
    *ask = (struct ask){
        .request = packet->at,
        .request_len = packet->len,
        .cookie = shape->cookie,
        .cookie_len = shape->cookie_len,
        .cookies_asked = 1,
    };
    expect(shape, packet, ask);
    for (size_t at = 0; at + 4 <= inner.len && be16_get(inner.at + at + 2) >= 4;
         at += be16_get(inner.at + at + 2))
        if (be16_get(inner.at + at) == EF_PLACEHOLDER &&
            be16_get(inner.at + at + 2) == shape->cookie_len + EF_HEADER_LEN)
            ask->cookies_asked++;
    return true;
}
