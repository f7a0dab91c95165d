// The loader's messages (config/load.c). Single-threaded.
#pragma once

#include "config/config.h"
#include "config/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

enum {
    ALLOWED_MAX = 160, // octets of what a value may be
    PATH_TEXT_MAX = 128,
};

struct loader {
    yaml_document_t document;
    const char *name; // of the file
    const char *text;
    size_t len;
    struct config_error *error;
};

// One fault more: "FILE:LINE: " and the rest; line 0: no line. Always false.
bool load_fail(struct loader *l, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The key does not allow the value at node.
bool load_fail_value(struct loader *l, const yaml_node_t *node, const struct schema_key *key);

// The value at node is YAML's null.
bool load_fail_null(struct loader *l, const yaml_node_t *node, const struct schema_key *key);

// An earlier value in the file forbids the key. base: the struct config.
bool load_fail_forbidden(struct loader *l, const yaml_node_t *node, const struct schema_key *key,
                         const void *base);

// There is no key of that name inside parent.
bool load_fail_unknown(struct loader *l, size_t line, const struct schema_key *parent,
                       const char *name);

size_t load_line_of(const yaml_node_t *node);

// The text of a scalar, or NULL for another kind of node or one with a NUL inside.
const char *load_text_of(const yaml_node_t *node);

// YAML's null is no text, and to take it for a missing key would hide what somebody meant to say.
bool load_is_null(const yaml_node_t *node);
