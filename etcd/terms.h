// What the configuration says of etcd, with the secrets that its files have. Any thread.
#pragma once

#include "config/config.h"
#include "etcd/disk.h"
#include "etcd/members.h"

// Contains key material: in memory of secret.h.
struct terms {
    struct members_terms members;
    uint8_t seal[SEAL_KEY_LEN];
    char password[DISK_PASSWORD_MAX];
};

// Fills it in; config outlives it. owner: who beside root and this user may own the secret files.
// False with a line in why.
bool terms_load(const struct config *config, uid_t owner, struct terms *terms,
                char why[DISK_WHY_MAX]);
