#include "perf/load/client.h"

#include "base/secret.h"

#include <errno.h>
#include <string.h>

static size_t jars_len(const struct clients *clients)
{
    return (size_t)clients->n * CLIENT_JAR * clients->cookie_len;
}

static uint8_t *place(const struct clients *clients, uint32_t number, unsigned at)
{
    return clients->jars + ((size_t)number * CLIENT_JAR + at % CLIENT_JAR) * clients->cookie_len;
}

int clients_open(struct clients *clients, uint32_t n, uint32_t cookie_len, bool reuse)
{
    *clients = (struct clients){.n = n, .cookie_len = cookie_len, .reuse = reuse};
    clients->client = secret_alloc(n * sizeof *clients->client);
    clients->jars = secret_alloc(jars_len(clients) + 1);
    if (!clients->client || !clients->jars) {
        clients_close(clients);
        return -ENOMEM;
    }
    return 0;
}

void clients_close(struct clients *clients)
{
    secret_free(clients->client, clients->n * sizeof *clients->client);
    secret_free(clients->jars, jars_len(clients) + 1);
    *clients = (struct clients){0};
}

void clients_empty(struct clients *clients, uint32_t number)
{
    struct client *client = &clients->client[number];
    clients->n_ready -= client->n_cookies > 0;
    client->n_cookies = 0;
}

bool clients_keep(struct clients *clients, uint32_t number, const uint8_t *cookie)
{
    struct client *client = &clients->client[number];
    if (client->n_cookies == CLIENT_JAR)
        return false;
    memcpy(place(clients, number, client->oldest + client->n_cookies), cookie, clients->cookie_len);
    clients->n_ready += client->n_cookies++ == 0;
    return true;
}

void clients_equip(struct clients *clients, uint32_t number, const uint8_t *c2s, const uint8_t *s2c,
                   const uint8_t *const *cookies, unsigned n)
{
    struct client *client = &clients->client[number];
    clients_empty(clients, number);
    memcpy(client->c2s, c2s, AEAD_KEY_MAX);
    memcpy(client->s2c, s2c, AEAD_KEY_MAX);
    client->epoch++;
    client->renewing = false;
    client->in_flight = 0;
    for (unsigned i = 0; i < n; i++)
        clients_keep(clients, number, cookies[i]);
}

uint32_t clients_turn(struct clients *clients)
{
    uint32_t number = clients->turn;
    clients->turn = number + 1 == clients->n ? 0 : number + 1;
    return number;
}

bool clients_turn_with_cookie(struct clients *clients, uint32_t *number)
{
    if (clients->n_ready == 0)
        return false;
    do
        *number = clients_turn(clients);
    while (clients->client[*number].n_cookies == 0);
    return true;
}

const uint8_t *clients_cookie(const struct clients *clients, uint32_t number)
{
    return place(clients, number, clients->client[number].oldest);
}

void clients_spend(struct clients *clients, uint32_t number)
{
    struct client *client = &clients->client[number];
    if (clients->reuse)
        return;
    client->oldest = (uint8_t)((client->oldest + 1) % CLIENT_JAR);
    clients->n_ready -= --client->n_cookies == 0;
}

unsigned clients_lack(const struct clients *clients, uint32_t number)
{
    const struct client *client = &clients->client[number];
    unsigned coming = client->n_cookies + client->in_flight + 1U;
    return coming < CLIENT_JAR ? CLIENT_JAR - coming : 0;
}
