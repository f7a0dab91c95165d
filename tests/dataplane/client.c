// The NTS client of the tests.
#include "tests/dataplane/client.h"

#include "crypto/siv.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

const struct request_shape request_default = {.nonce_len = 16};

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

struct keyring_record client_ring(unsigned n, unsigned current)
{
    struct keyring_record record = {.n = n, .current = current};
    for (unsigned i = 0; i < n; i++) {
        record.entry[i].id = 0xa0b0c000 + 2 * i;
        for (unsigned j = 0; j < COOKIE_KEY_LEN; j++)
            record.entry[i].secret[j] = (uint8_t)(17 * i + 31 * j + 5);
    }
    return record;
}

struct client client_new(uint32_t number, const struct keyring_entry *key)
{
    struct client client = {.uid_len = 32, .cookie_len = 100};
    for (unsigned i = 0; i < 32; i++) {
        client.c2s[i] = (uint8_t)(number * 3 + i);
        client.s2c[i] = (uint8_t)(number * 5 + i * 7 + 101);
        client.uid[i] = (uint8_t)(number + i * 11);
    }
    client.uid[0] = (uint8_t)(number >> 8);

    // I | N | V | E, with I as associated data.
    uint8_t *cookie = client.cookie;
    for (unsigned i = 0; i < 4; i++)
        cookie[i] = (uint8_t)(key->id >> (24 - 8 * i));
    for (unsigned i = 0; i < 16; i++)
        cookie[4 + i] = (uint8_t)(number * 13 + i);
    uint8_t pair[64];
    memcpy(pair, client.c2s, 32);
    memcpy(pair + 32, client.s2c, 32);
    siv_seal(key->secret, (struct bytes_span){cookie, 4}, (struct bytes_span){cookie + 4, 16}, pair,
             64, cookie + 20);
    return client;
}

void client_seal(const struct client *client, struct packet *packet, uint32_t nonce_len,
                 const uint8_t *plain, uint32_t plain_len, uint32_t more)
{
    uint32_t at = packet->len, sealed_len = 16 + plain_len;
    packet_authenticator(packet, (uint16_t)nonce_len, (uint16_t)sealed_len, more);
    struct bytes_span ad = {packet->at, at}, nonce = {packet->at + at + 8, nonce_len};
    siv_seal(client->c2s, ad, nonce, plain, plain_len,
             packet->at + at + 8 + (nonce_len + 3) / 4 * 4);
}

struct packet client_request(const struct client *client, const struct request_shape *shape)
{
    uint32_t placeholder = shape->placeholder_len ? shape->placeholder_len : client->cookie_len;
    struct packet packet = packet_ntp(4, 3);
    packet_field_header(&packet, 0x0104, (uint16_t)(4 + client->uid_len));
    packet_add(&packet, client->uid, client->uid_len);
    packet_field_header(&packet, 0x0204, (uint16_t)(4 + client->cookie_len));
    packet_add(&packet, client->cookie, client->cookie_len);
    for (unsigned i = 0; i < shape->n_placeholders; i++)
        packet_field(&packet, 0x0304, 0, placeholder);

    struct packet plain = {.len = 0};
    for (unsigned i = 0; i < shape->n_sealed_placeholders; i++)
        packet_field(&plain, 0x0304, 0, placeholder);
    if (shape->sealed != NULL)
        plain = *shape->sealed;
    client_seal(client, &packet, shape->nonce_len, plain.at, plain.len, shape->more);
    return packet;
}

// The header and the identifier that any answer to a request has; where it ends, or 0.
static uint32_t echoed(const struct client *client, const struct packet *request,
                       const uint8_t *reply, uint32_t len)
{
    uint32_t end = 48 + 4 + client->uid_len;
    if (len < end || reply[2] != request->at[2] || memcmp(reply + 24, request->at + 40, 8) != 0)
        return 0;
    if (get16(reply + 48) != 0x0104 || get16(reply + 50) != 4 + client->uid_len)
        return 0;
    return memcmp(reply + 52, client->uid, client->uid_len) == 0 ? end : 0;
}

int client_open(const struct client *client, const struct packet *request, const uint8_t *reply,
                uint32_t len, uint8_t cookies[8][100])
{
    uint32_t at = echoed(client, request, reply, len);
    if (at == 0 || len < at + 40 + 104 || len > request->len)
        return -1;
    if (get16(reply + at) != 0x0404 || get16(reply + at + 2) != len - at)
        return -1;
    uint32_t sealed_len = get16(reply + at + 6);
    if (get16(reply + at + 4) != 16 || sealed_len != len - at - 24)
        return -1;

    uint8_t plain[1500];
    struct bytes_span ad = {reply, at}, nonce = {reply + at + 8, 16};
    if (!siv_open(client->s2c, ad, nonce, reply + at + 24, sealed_len, plain))
        return -1;
    uint32_t plain_len = sealed_len - 16;
    if (plain_len % 104 != 0 || plain_len / 104 > 8)
        return -1;
    for (uint32_t i = 0; i < plain_len / 104; i++) {
        if (get16(plain + i * 104) != 0x0204 || get16(plain + i * 104 + 2) != 104)
            return -1;
        memcpy(cookies[i], plain + i * 104 + 4, 100);
    }
    return (int)(plain_len / 104);
}

bool client_is_nak(const struct client *client, const struct packet *request, const uint8_t *reply,
                   uint32_t len)
{
    return echoed(client, request, reply, len) == len && reply[0] == (3 << 6 | 4 << 3 | 4) &&
           reply[1] == 0 && memcmp(reply + 12, "NTSN", 4) == 0;
}
