// One line a fault: file, line, key, and what is allowed.
#include "config/load_faults.h"

#include "config/hint.h"
#include "config/prefix.h"
#include "config/suggest.h"

#include <stdarg.h>
#include <string.h>

enum { QUOTE_MAX = 60 }; // octets of a value that a message repeats

bool load_fail(struct loader *l, size_t line, const char *format, ...)
{
    struct config_error *error = l->error;
    va_list arguments;
    char line_text[sizeof error->text];

    int n = line == 0 ? snprintf(line_text, sizeof line_text, "%s: ", l->name)
                      : snprintf(line_text, sizeof line_text, "%s:%zu: ", l->name, line);
    if (n >= 0 && (size_t)n < sizeof line_text) {
        va_start(arguments, format);
        vsnprintf(line_text + n, sizeof line_text - (size_t)n, format, arguments);
        va_end(arguments);
    }
    if (error->text[0] == '\0') {
        memcpy(error->text, line_text, sizeof line_text);
        return false;
    }
    const size_t len = strlen(error->others);
    if (len + strlen(line_text) + 2 <= sizeof error->others)
        snprintf(error->others + len, sizeof error->others - len, "%s\n", line_text);
    return false;
}

size_t load_line_of(const yaml_node_t *node)
{
    return node == NULL ? 1 : node->start_mark.line + 1;
}

const char *load_text_of(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

// A value as a message may repeat it: one short line.
static const char *quote(const char *text, char out[QUOTE_MAX + 1])
{
    size_t i;
    for (i = 0; text[i] != '\0' && i < QUOTE_MAX; i++)
        out[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
    out[i] = '\0';
    return out;
}

bool load_fail_value(struct loader *l, const yaml_node_t *node, const struct schema_key *key)
{
    char allowed[ALLOWED_MAX], quoted[QUOTE_MAX + 1];
    const char *text = load_text_of(node);

    schema_allowed(key, allowed, sizeof allowed);
    if (text == NULL)
        return load_fail(l, load_line_of(node), "`%s` is not a plain value; it must be %s",
                         key->path, allowed);
    for (size_t i = 0; i < schema_later_n; i++) {
        const struct schema_later *later = &schema_later[i];
        if (later->value[0] != '\0' && strcmp(later->path, key->path) == 0 &&
            strncmp(text, later->value, strlen(later->value)) == 0)
            return load_fail(l, load_line_of(node),
                             "`%s: %s` is not in this version of noonmark; it must be %s",
                             key->path, quote(text, quoted), allowed);
    }
    char mended[PREFIX_TEXT_MAX];
    if (key->type == SCHEMA_PREFIX && prefix_mended(text, mended))
        return load_fail(l, load_line_of(node), "`%s` is \"%s\"; write \"%s\"%s", key->path,
                         quote(text, quoted), mended,
                         strchr(mended, ':') == NULL && strchr(text, ':') != NULL
                             ? ", the same in IPv4's form"
                             : ": no bit beyond the prefix length may be set");
    return load_fail(l, load_line_of(node), "`%s` is \"%s\"%s; it must be %s", key->path,
                     quote(text, quoted), hint_value(key, text), allowed);
}

bool load_is_null(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           load_text_of(node) != NULL && hint_is_null(load_text_of(node));
}

bool load_fail_null(struct loader *l, const yaml_node_t *node, const struct schema_key *key)
{
    return load_fail(
        l, load_line_of(node),
        "`%s` is %s, YAML's word for no value; remove the line to get the default, or put "
        "the word in quotes if it is meant",
        key->path, load_text_of(node));
}

bool load_fail_forbidden(struct loader *l, const yaml_node_t *node, const struct schema_key *key,
                         const void *base)
{
    const enum config_role role = ((const struct config *)base)->role;
    if (schema_role_forbids(key, role))
        return load_fail(l, load_line_of(node),
                         "`%s` does not go with `role: %s`: this host serves no %s; remove it",
                         key->path, schema_role_words[role], role == SERVE_KE ? "NTP" : "NTS-KE");
    return load_fail(l, load_line_of(node),
                     "`%s` does not go with `time.source: chronyd`: what chronyd says is served; "
                     "remove it",
                     key->path);
}

bool load_fail_unknown(struct loader *l, size_t line, const struct schema_key *parent,
                       const char *name)
{
    char path[PATH_TEXT_MAX], quoted[QUOTE_MAX + 1];

    snprintf(path, sizeof path, "%s%s%s%s", parent == NULL ? "" : parent->path,
             parent != NULL && parent->list_max > 0 ? "[]" : "", parent == NULL ? "" : ".",
             quote(name, quoted));
    for (size_t i = 0; i < schema_later_n; i++)
        if (schema_later[i].value[0] == '\0' && strcmp(schema_later[i].path, path) == 0)
            return load_fail(l, line, "`%s` is not in this version of noonmark; remove it", path);
    const char *near = suggest_key(parent, name);
    if (near == NULL)
        return load_fail(l, line, "`%s` is not a key of noonmark; remove it", path);
    return load_fail(l, line, "`%s` is not a key of noonmark; did you mean `%s`?", path, near);
}
