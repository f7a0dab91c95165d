// Queries of the schema, and what it will have later.
#include "config/schema.h"

#include <string.h>

const struct schema_later schema_later[] = {
    {"dataplane.ports[].queues", ""},
    {"dataplane.ports[].pci", ""},
};
const size_t schema_later_n = sizeof schema_later / sizeof schema_later[0];

const char *schema_name_in(const char *path, const struct schema_key *parent)
{
    if (parent != NULL) {
        const size_t len = strlen(parent->path);
        if (strncmp(path, parent->path, len) != 0)
            return NULL;
        path += len;
        if (parent->list_max > 0) {
            if (strncmp(path, "[]", 2) != 0)
                return NULL;
            path += 2;
        }
        if (*path++ != '.')
            return NULL;
    }
    return strpbrk(path, ".[") == NULL ? path : NULL;
}

bool schema_forbids(const struct schema_key *key, const void *base)
{
    // What is inside a list's element goes or stays with the list.
    if (strstr(key->path, "[]") != NULL)
        return false;
    return schema_role_forbids(key, ((const struct config *)base)->role) ||
           (key->has_unless && *(const int *)((const char *)base + key->unless_at) == key->unless);
}

const struct schema_key *schema_find(const struct schema_key *parent, const char *name)
{
    for (size_t i = 0; i < schema_n; i++) {
        const char *own = schema_name_in(schema[i].path, parent);
        if (own != NULL && strcmp(own, name) == 0)
            return &schema[i];
    }
    return NULL;
}
