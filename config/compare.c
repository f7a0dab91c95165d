// The settings that differ between two configurations, and which of them a running server can
// change.
#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

#include <assert.h>
#include <string.h>

static uint32_t count_of(const struct schema_key *key, const char *base)
{
    return *(const uint32_t *)(base + key->count_at);
}

static bool same_group(const struct schema_key *parent, const char *a, const char *b);

static bool same_list(const struct schema_key *key, const char *a, const char *b)
{
    const uint32_t n = count_of(key, a);

    if (n != count_of(key, b))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const char *in_a = a + key->at + i * key->size;
        const char *in_b = b + key->at + i * key->size;
        if (key->type == SCHEMA_GROUP ? !same_group(key, in_a, in_b)
                                      : !value_equal(key, in_a, in_b))
            return false;
    }
    return true;
}

static bool same(const struct schema_key *key, const char *a, const char *b)
{
    if (key->list_max > 0)
        return same_list(key, a, b);
    if (key->type == SCHEMA_GROUP)
        return same_group(key, a, b);
    // For alternatives, the tag tells which one is used, and the value in their common place is
    // compared.
    if (key->alternative && memcmp(a + key->tag_at, b + key->tag_at, sizeof key->tag) != 0)
        return false;
    return value_equal(key, a + key->at, b + key->at);
}

static bool same_group(const struct schema_key *parent, const char *a, const char *b)
{
    for (size_t i = 0; i < schema_n; i++)
        if (schema_name_in(schema[i].path, parent) != NULL && !same(&schema[i], a, b))
            return false;
    return true;
}

// A row that is a setting of its own: neither a group of settings nor a part of a list's element.
static bool is_setting(const struct schema_key *key)
{
    return strstr(key->path, "[]") == NULL && (key->type != SCHEMA_GROUP || key->list_max > 0);
}

static bool has_fleet(const struct config *config)
{
    return config->keys.fleet_file[0] != '\0';
}

// The choice that forbids the key in one of the two needs a restart, and the key with it. So does
// the step from a host's own keys to those of a fleet, or back: no cookie is good on both sides of
// it.
static bool is_live(const struct schema_key *key, const struct config *a, const struct config *b)
{
    return key->live != 0 && schema_forbids(key, a) == schema_forbids(key, b) &&
           (has_fleet(a) == has_fleet(b) ||
            strncmp(key->path, "keys.fleet.", strlen("keys.fleet.")) != 0);
}

size_t config_compare(const struct config *a, const struct config *b,
                      struct config_setting settings[CONFIG_SETTINGS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        if (!is_setting(key) || (schema_role_forbids(key, a->role) && a->role == b->role))
            continue;
        assert(n < CONFIG_SETTINGS_MAX);
        settings[n++] = (struct config_setting){
            .path = key->path,
            .live = is_live(key, a, b) ? key->live : 0,
            .differs = !same(key, (const char *)a, (const char *)b),
        };
    }
    return n;
}

int config_listen_place(const struct config *config, const struct config_listen *at)
{
    for (uint32_t i = 0; i < config->control.n_listen; i++)
        if (strcmp(config->control.listen[i].text, at->text) == 0)
            return (int)i;
    return -1;
}

static void swap(char *a, char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char octet = a[i];
        a[i] = b[i];
        b[i] = octet;
    }
}

void config_swap_live(struct config *a, struct config *b)
{
    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        if (!is_live(key, a, b))
            continue;
        char *in_a = (char *)a;
        char *in_b = (char *)b;
        swap(in_a + key->at, in_b + key->at, key->size * (key->list_max > 0 ? key->list_max : 1));
        if (key->list_max > 0)
            swap(in_a + key->count_at, in_b + key->count_at, sizeof(uint32_t));
    }
}
