// Rules that involve several keys, which no single row of the schema can express. Also fills in
// time.reference_id_word, which follows from several values.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

// False, with the path of the wrong key (its line goes into the message) and what is wrong with it.
// index is the element of the list that path names or passes through.
struct check_fault {
    const char *path;
    uint32_t index;
    char text[320];
};
bool check_rules(struct config *config, struct check_fault *fault);

// A part of them: the mover by etcd (check_etcd.c).
bool check_etcd(const struct config *config, struct check_fault *fault);
