#include "etcd/value.h"

#include <stdio.h>

enum value_fault value_open(const uint8_t secret[SEAL_KEY_LEN], const char *name,
                            const uint8_t *value, size_t len, char text[FLEET_TEXT_MAX],
                            size_t *text_len, struct fleet_document *document,
                            struct fleet_error *error)
{
    error->line = 0;
    if (len > VALUE_MAX || !seal_open(secret, name, value, len, (uint8_t *)text)) {
        snprintf(error->text, sizeof error->text,
                 "it was not sealed under this node's keys.fleet.seal for this key, or it was "
                 "changed");
        return VALUE_UNOPENED;
    }
    *text_len = len - SEAL_OVERHEAD;
    return fleet_document_parse(text, *text_len, document, error) ? VALUE_GOOD : VALUE_BAD;
}
