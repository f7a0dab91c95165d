// Freeing a struct config.
#include "config/config.h"

#include "base/log.h"
#include "config/schema.h"
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Alternatives share one place: only the first of them frees it.
static bool frees(const struct schema_key *key)
{
    return !key->alternative || key->tag == 0;
}

static void free_group(const struct schema_key *parent, char *base)
{
    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        if (schema_name_in(key->path, parent) == NULL)
            continue;
        if (key->list_max == 0) {
            if (key->type == SCHEMA_GROUP)
                free_group(key, base);
            else if (frees(key))
                value_free(key, base + key->at);
            continue;
        }
        const uint32_t n = *(uint32_t *)(base + key->count_at);
        for (uint32_t j = 0; j < n; j++) {
            char *element = base + key->at + j * key->size;
            if (key->type == SCHEMA_GROUP)
                free_group(key, element);
            else
                value_free(key, element);
        }
    }
}

uint32_t config_socket_ports(const struct config *config)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        n += config->dataplane.ports[i].kind == PORT_SOCKET;
    return n;
}

uint32_t config_udp_ports(const struct config *config)
{
    return config->dataplane.nts_port != 0 ? 2 : 1;
}

uint32_t config_sockets_each(const struct config *config)
{
    static_assert((int)SOCKETS_MAX >= 2 * (int)PORTS_MAX, "each port has a socket at both ports");
    const uint32_t ports = config_socket_ports(config) * config_udp_ports(config);
    const uint32_t most = ports > 0 ? SOCKETS_MAX / ports : 0;
    return most < config->dataplane.n_cores ? most : config->dataplane.n_cores;
}

uint32_t config_secret_files(const struct config *config)
{
    return 2 * config->control.n_certificates + (config->control.pool.tokens[0] != '\0');
}

uint16_t config_ntp_port(const struct config *config)
{
    if (config->control.ntp_port != 0)
        return config->control.ntp_port;
    return config->dataplane.nts_port != 0 ? config->dataplane.nts_port
                                           : config->dataplane.udp_port;
}

// Does the list hold the prefix that covers the whole family?
static bool has_whole(const struct prefix *prefix, uint32_t n, uint8_t ip_version)
{
    for (uint32_t i = 0; i < n; i++)
        if (prefix[i].ip_version == ip_version && prefix[i].len == 0)
            return true;
    return false;
}

int config_sources(const struct config *config, struct prefixes **sources)
{
    const struct prefix *allow = config->dataplane.allow;
    const uint32_t n_allow = config->dataplane.n_allow, n_deny = config->dataplane.n_deny;
    struct prefixes *made = NULL;

    if (n_deny > 0 || !has_whole(allow, n_allow, 4) || !has_whole(allow, n_allow, 6)) {
        made = prefixes_make(allow, n_allow, config->dataplane.deny, n_deny);
        if (made == NULL)
            return -ENOMEM;
    }
    *sources = made;
    return 0;
}

void config_log_others(const struct config_error *error)
{
    const char *line = error->others;

    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        log_error("%.*s", (int)(end - line), line);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    free_group(NULL, (char *)config);
    free(config);
}
