// The schema: one table of every key, used for loading, limits, messages, --show-config and the
// manual. A row tells where its value is in struct config; no other code has this knowledge.
//
// Pure data; any thread.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
    SCHEMA_GROUP,        // a mapping, or with list_max a list of mappings
    SCHEMA_NUMBER,       // uint8_t, uint16_t or uint32_t, depending on size
    SCHEMA_FRACTION,     // uint32_t, counted in 10^-6: written as 0.25
    SCHEMA_DURATION,     // uint32_t, counted in unit_ns
    SCHEMA_WORD,         // char *: one of words
    SCHEMA_CHOICE,       // an enum: the position in words
    SCHEMA_TEXT,         // char *: printable ASCII, min to max octets
    SCHEMA_NAME,         // likewise, without blanks and slashes
    SCHEMA_PATH,         // likewise, absolute
    SCHEMA_HOST,         // likewise, a host name, an IP address or nothing
    SCHEMA_USER,         // likewise, a user's name or UID[:GID]
    SCHEMA_ADDRESS,      // struct config_address
    SCHEMA_PREFIX,       // struct prefix
    SCHEMA_LISTEN,       // struct config_listen
    SCHEMA_SOURCE,       // an enum, the position in words; behind it the path that follows "phc:"
    SCHEMA_REFERENCE_ID, // struct config's time.reference_id, with time.reference_id_word behind it
};

struct schema_key {
    const char *path; // "dataplane.ports[].vdev": dots between levels, [] after a list of groups
    const char *help; // one line for people
    enum schema_type type;
    size_t at;   // offset in struct config, or in one element of the list of groups it belongs to
    size_t size; // octets of one value or element
    // Of a number, of a fraction, of a duration, of a text's length. An address to listen at may be
    // "" with min 0.
    uint32_t min, max;
    uint64_t unit_ns;         // of a duration
    const char *const *words; // ends with NULL
    const char *fallback;     // the default as a file would write it, list items after ", "
    bool required;
    // With the value `unless` of the enum at unless_at in struct config, which an earlier row sets,
    // the key is neither required nor allowed.
    bool has_unless;
    size_t unless_at;
    int unless;
    unsigned live;     // enum config_live; of a list of groups: of the list as a whole
    uint32_t list_max; // 0: not a list
    uint32_t list_min;
    size_t count_at; // offset of the uint32_t that counts the list

    // Rows that are alternatives share one place; the enum at tag_at tells which one is used.
    bool alternative;
    size_t tag_at;
    int tag;
};

extern const struct schema_key schema[];
extern const size_t schema_n;

// The words of `role`, by enum config_role; ends with NULL.
extern const char *const schema_role_words[];

// Keys that the documents announce for later versions: the path and a value, or "" for any value.
struct schema_later {
    const char *path;
    const char *value; // a prefix of the missing value; "" when the key itself is missing
};
extern const struct schema_later schema_later[];
extern const size_t schema_later_n;

// If path is a key directly inside parent (NULL: the top level), returns its own name; else NULL.
const char *schema_name_in(const char *path, const struct schema_key *parent);

// Does the configuration's own choice forbid the key? base: the struct config; of a key inside a
// list's element, that element.
bool schema_forbids(const struct schema_key *key, const void *base);

// Does a role do without the key (schema_role.c)? Such a key is neither required nor allowed; its
// value is the default, and a list is empty.
bool schema_role_forbids(const struct schema_key *key, enum config_role role);

// The row with that name inside parent, or NULL.
const struct schema_key *schema_find(const struct schema_key *parent, const char *name);

// Writes the allowed values, for messages and the manual: "a number from 1 to 65535".
void schema_allowed(const struct schema_key *key, char *out, size_t len);
