#include "etcd/terms.h"

#include <stdio.h>

bool terms_load(const struct config *config, uid_t owner, struct terms *terms,
                char why[DISK_WHY_MAX])
{
    const struct config_etcd *e = &config->keys.etcd;

    if (e->n_endpoints == 0) {
        snprintf(why, DISK_WHY_MAX, "the configuration has no keys.fleet.etcd; add the members");
        return false;
    }
    terms->members = (struct members_terms){
        .n_endpoints = e->n_endpoints,
        .key = e->key,
        .trust = {.ca = e->ca, .cert = e->cert, .cert_key = e->cert_key},
        .user = e->user,
        .password = terms->password,
    };
    for (uint32_t i = 0; i < e->n_endpoints; i++)
        terms->members.endpoint[i] = e->endpoints[i];
    terms->password[0] = '\0';
    return disk_read_seal(e->seal, owner, terms->seal, why) &&
           (e->password_file[0] == '\0' ||
            disk_read_password(e->password_file, owner, terms->password, why));
}
