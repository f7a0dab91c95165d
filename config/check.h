// Rules between keys, which no single row of the schema can state. Also fills in what follows from
// several values: time.reference_id_word.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

// False, with the path of the key at fault (its line goes into the message) and what is wrong with
// it. index is the element of its list, where path ends or passes a list.
struct check_fault {
    const char *path;
    uint32_t index;
    char text[320];
};
bool check_rules(struct config *config, struct check_fault *fault);
