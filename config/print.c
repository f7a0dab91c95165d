// Prints the configuration in force, as YAML that loads to the same configuration.
#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

#include <errno.h>

static bool chosen(const struct schema_key *key, const char *base)
{
    if (schema_forbids(key, base))
        return false;
    return !key->alternative || *(const int *)(base + key->tag_at) == key->tag;
}

static void print_list(const struct schema_key *key, const char *base, FILE *out)
{
    const uint32_t n = *(const uint32_t *)(base + key->count_at);

    fputc('[', out);
    for (uint32_t i = 0; i < n; i++) {
        fputs(i == 0 ? "" : ", ", out);
        value_print(key, base + key->at + i * key->size, out);
    }
    fputs("]\n", out);
}

static void indent(int level, FILE *out)
{
    for (int i = 0; i < level; i++)
        fputs("  ", out);
}

// In a list the first key of each element follows the element's dash.
static void print_group(const struct schema_key *parent, const char *base, int level, bool dash,
                        FILE *out)
{
    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        const char *name = schema_name_in(key->path, parent);
        if (name == NULL || !chosen(key, base))
            continue;
        if (dash) {
            indent(level - 1, out);
            fputs("- ", out);
            dash = false;
        } else {
            indent(level, out);
        }
        fprintf(out, "%s:", name);

        if (key->type == SCHEMA_GROUP && key->list_max > 0) {
            const uint32_t n = *(const uint32_t *)(base + key->count_at);
            fputc('\n', out);
            for (uint32_t j = 0; j < n; j++)
                print_group(key, base + key->at + j * key->size, level + 2, true, out);
        } else if (key->type == SCHEMA_GROUP) {
            fputc('\n', out);
            print_group(key, base, level + 1, false, out);
        } else if (key->list_max > 0) {
            fputc(' ', out);
            print_list(key, base, out);
        } else {
            fputc(' ', out);
            value_print(key, base + key->at, out);
            fputc('\n', out);
        }
    }
}

int config_print(const struct config *config, FILE *out)
{
    print_group(NULL, (const char *)config, 0, false, out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}
