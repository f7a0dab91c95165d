// From a YAML document to a struct config: walks the schema and the document side by side. Every
// error names file, line and key. The walk is as deep as the schema, for any document, so that
// aliases that point to themselves cause no endless loop.
#include "config/check.h"
#include "config/config.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/value.h"

#include <yaml.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUOTE_MAX = 60, // octets of a value that are repeated in a message
    ALLOWED_MAX = 160,
    PATH_TEXT_MAX = 128,
};

struct loader {
    yaml_document_t document;
    const char *name; // of the file
    struct config_error *error;
};

__attribute__((format(printf, 3, 4))) static bool fail(struct loader *l, size_t line,
                                                       const char *format, ...)
{
    va_list arguments;
    char *text = l->error->text;
    const size_t room = sizeof l->error->text;

    int n = line == 0 ? snprintf(text, room, "%s: ", l->name)
                      : snprintf(text, room, "%s:%zu: ", l->name, line);
    if (n < 0 || (size_t)n >= room)
        return false;
    va_start(arguments, format);
    vsnprintf(text + n, room - (size_t)n, format, arguments);
    va_end(arguments);
    return false;
}

static size_t line_of(const yaml_node_t *node)
{
    return node == NULL ? 1 : node->start_mark.line + 1;
}

// The text of a scalar, or NULL for another kind of node or one with a NUL inside.
static const char *text_of(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

// A value in the form for a message: one short line.
static const char *quote(const char *text, char out[QUOTE_MAX + 1])
{
    size_t i;
    for (i = 0; text[i] != '\0' && i < QUOTE_MAX; i++)
        out[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
    out[i] = '\0';
    return out;
}

static bool fail_value(struct loader *l, const yaml_node_t *node, const struct schema_key *key)
{
    char allowed[ALLOWED_MAX], quoted[QUOTE_MAX + 1];
    const char *text = text_of(node);

    schema_allowed(key, allowed, sizeof allowed);
    if (text == NULL)
        return fail(l, line_of(node), "`%s` is not a plain value; it must be %s", key->path,
                    allowed);
    for (size_t i = 0; i < schema_later_n; i++) {
        const struct schema_later *later = &schema_later[i];
        if (later->value[0] != '\0' && strcmp(later->path, key->path) == 0 &&
            strncmp(text, later->value, strlen(later->value)) == 0)
            return fail(l, line_of(node),
                        "`%s: %s` is not in this version of noonmark; it must be %s", key->path,
                        quote(text, quoted), allowed);
    }
    return fail(l, line_of(node), "`%s` is \"%s\"; it must be %s", key->path, quote(text, quoted),
                allowed);
}

static bool load_value(struct loader *l, const yaml_node_t *node, const struct schema_key *key,
                       char *base, char *into)
{
    const char *text = text_of(node);

    if (text == NULL)
        return fail_value(l, node, key);
    if (key->alternative) {
        if (*(char **)into != NULL)
            return fail(l, line_of(node), "`%s` is a second device of the same port; keep one",
                        key->path);
        if (value_parse(key, text, into))
            return memcpy(base + key->tag_at, &key->tag, sizeof key->tag) != NULL;
        return fail_value(l, node, key);
    }
    return value_parse(key, text, into) || fail_value(l, node, key);
}

static bool load_group(struct loader *l, yaml_node_t *node, size_t line,
                       const struct schema_key *parent, char *base);

static bool load_list(struct loader *l, yaml_node_t *node, const struct schema_key *key, char *base)
{
    uint32_t *count = (uint32_t *)(base + key->count_at);

    if (node->type != YAML_SEQUENCE_NODE)
        return fail(l, line_of(node), "`%s` must be a list; write it in [ ] or with leading dashes",
                    key->path);
    const size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n < key->list_min || n > key->list_max)
        return fail(l, line_of(node), "`%s` has %zu items; it must have %u to %u", key->path, n,
                    key->list_min, key->list_max);
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *item =
            yaml_document_get_node(&l->document, node->data.sequence.items.start[i]);
        char *into = base + key->at + i * key->size;
        (*count)++; // counted before it is filled, so that config_free frees it after a failure
        if (key->type == SCHEMA_GROUP ? !load_group(l, item, line_of(item), key, into)
                                      : !load_value(l, item, key, base, into))
            return false;
    }
    return true;
}

static bool load_default(struct loader *l, size_t line, const struct schema_key *key, char *base)
{
    char allowed[ALLOWED_MAX];

    if (key->type == SCHEMA_GROUP && key->list_max == 0)
        return load_group(l, NULL, line, key, base); // the keys in it may have defaults
    if (key->required) {
        schema_allowed(key, allowed, sizeof allowed);
        return fail(l, line, "`%s` is missing and has no default; add it (%s): it must be %s%s",
                    key->path, key->help, key->list_max > 0 ? "a list, each item " : "", allowed);
    }
    if (key->fallback == NULL)
        return true;
    if (key->list_max == 0)
        return value_parse(key, key->fallback, base + key->at) ||
               fail(l, 0, "out of memory for `%s`", key->path);

    uint32_t *count = (uint32_t *)(base + key->count_at);
    char items[ALLOWED_MAX];
    char *rest = NULL;
    snprintf(items, sizeof items, "%s", key->fallback);
    for (char *item = strtok_r(items, ", ", &rest); item != NULL;
         item = strtok_r(NULL, ", ", &rest))
        if (!value_parse(key, item, base + key->at + (*count)++ * key->size))
            return fail(l, 0, "out of memory for `%s`", key->path);
    return true;
}

static bool fail_unknown(struct loader *l, size_t line, const struct schema_key *parent,
                         const char *name)
{
    char path[PATH_TEXT_MAX], quoted[QUOTE_MAX + 1];

    snprintf(path, sizeof path, "%s%s%s%s", parent == NULL ? "" : parent->path,
             parent != NULL && parent->list_max > 0 ? "[]" : "", parent == NULL ? "" : ".",
             quote(name, quoted));
    for (size_t i = 0; i < schema_later_n; i++)
        if (schema_later[i].value[0] == '\0' && strcmp(schema_later[i].path, path) == 0)
            return fail(l, line, "`%s` is not in this version of noonmark; remove it", path);
    const char *near = suggest_key(parent, name);
    if (near == NULL)
        return fail(l, line, "`%s` is not a key of noonmark; remove it", path);
    return fail(l, line, "`%s` is not a key of noonmark; did you mean `%s`?", path, near);
}

// Checks the names that the document uses: each is known, and none is used twice.
static bool check_names(struct loader *l, yaml_node_t *node, const struct schema_key *parent)
{
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        yaml_node_t *name = yaml_document_get_node(&l->document, p->key);
        const char *text = text_of(name);
        if (text == NULL)
            return fail(l, line_of(name), "a key must be a plain word");
        if (schema_find(parent, text) == NULL)
            return fail_unknown(l, line_of(name), parent, text);
        for (yaml_node_pair_t *q = node->data.mapping.pairs.start; q < p; q++) {
            yaml_node_t *earlier = yaml_document_get_node(&l->document, q->key);
            if (strcmp(text_of(earlier), text) == 0)
                return fail(l, line_of(name), "`%s` stands twice, first in line %zu; remove one",
                            schema_find(parent, text)->path, line_of(earlier));
        }
    }
    return true;
}

static yaml_node_t *member(yaml_document_t *document, yaml_node_t *node, const char *name)
{
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const char *text = text_of(yaml_document_get_node(document, p->key));
        if (text != NULL && strcmp(text, name) == 0)
            return yaml_document_get_node(document, p->value);
    }
    return NULL;
}

// node may be NULL: then all values are defaults. line is for messages about missing keys.
static bool load_group(struct loader *l, yaml_node_t *node, size_t line,
                       const struct schema_key *parent, char *base)
{
    // "keys:" with nothing below is an empty section.
    if (node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0)
        node = NULL;
    if (node != NULL && node->type != YAML_MAPPING_NODE)
        return fail(l, line, "`%s` must be a mapping of keys to values",
                    parent == NULL ? "the file" : parent->path);
    if (node != NULL && !check_names(l, node, parent))
        return false;

    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        const char *name = schema_name_in(key->path, parent);
        if (name == NULL)
            continue;
        yaml_node_t *value = node == NULL ? NULL : member(&l->document, node, name);
        bool done;
        if (value == NULL)
            done = load_default(l, line, key, base);
        else if (key->list_max > 0)
            done = load_list(l, value, key, base);
        else if (key->type == SCHEMA_GROUP)
            done = load_group(l, value, line_of(value), key, base);
        else
            done = load_value(l, value, key, base, base + key->at);
        if (!done)
            return false;
    }
    return true;
}

// The line for a message about a rule: the nearest line that the document has for the path.
static size_t line_of_path(struct loader *l, const char *path, uint32_t index)
{
    char parts[PATH_TEXT_MAX];
    char *rest = NULL;
    yaml_node_t *node = yaml_document_get_root_node(&l->document);
    size_t line = line_of(node);

    snprintf(parts, sizeof parts, "%s", path);
    for (char *part = strtok_r(parts, ".", &rest); part != NULL && node != NULL;
         part = strtok_r(NULL, ".", &rest)) {
        node = node->type == YAML_MAPPING_NODE ? member(&l->document, node, part) : NULL;
        if (node != NULL)
            line = line_of(node);
    }
    if (node != NULL && node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *item = node->data.sequence.items.start + index;
        if (item < node->data.sequence.items.top)
            line = line_of(yaml_document_get_node(&l->document, *item));
    }
    return line;
}

static bool load_document(struct loader *l, struct config *config)
{
    struct check_fault fault;
    yaml_node_t *root = yaml_document_get_root_node(&l->document);

    if (!load_group(l, root, line_of(root), NULL, (char *)config))
        return false;
    if (!check_rules(config, &fault))
        return fail(l, line_of_path(l, fault.path, fault.index), "`%s` %s", fault.path, fault.text);
    return true;
}

static bool fail_yaml(struct loader *l, const yaml_parser_t *parser)
{
    return fail(l, parser->problem_mark.line + 1, "this is not YAML: %s%s%s",
                parser->problem == NULL ? "unreadable" : parser->problem,
                parser->context == NULL ? "" : ", ",
                parser->context == NULL ? "" : parser->context);
}

// A file has one document: a second one would be ignored.
static bool nothing_follows(struct loader *l, yaml_parser_t *parser)
{
    yaml_document_t second;

    if (!yaml_parser_load(parser, &second))
        return fail_yaml(l, parser);
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    const bool alone = root == NULL;
    const size_t line = line_of(root);
    yaml_document_delete(&second);
    return alone || fail(l, line, "a second document starts here; a configuration has one");
}

static bool load_text(struct loader *l, const char *text, size_t len, struct config *config)
{
    yaml_parser_t parser;
    bool done = false;

    if (!yaml_parser_initialize(&parser))
        return fail(l, 0, "out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    if (!yaml_parser_load(&parser, &l->document)) {
        fail_yaml(l, &parser);
    } else {
        done = load_document(l, config) && nothing_follows(l, &parser);
        yaml_document_delete(&l->document);
    }
    yaml_parser_delete(&parser);
    return done;
}

// Reads to the end. Returns the length, or -1 with the error filled in.
static ssize_t read_all(struct loader *l, int fd, char *text, size_t room)
{
    size_t len = 0;

    while (len < room) {
        const ssize_t n = read(fd, text + len, room - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(l, 0, "cannot be read: %s", strerror(errno));
            return -1;
        }
        if (n == 0)
            return (ssize_t)len;
        len += (size_t)n;
    }
    fail(l, 0, "is longer than %d octets; a configuration is shorter", CONFIG_TEXT_MAX);
    return -1;
}

int config_load_fd(int fd, const char *name, struct config **config, struct config_error *error)
{
    struct loader l = {.name = name, .error = error};
    bool done = false;

    error->text[0] = '\0';
    char *text = malloc(CONFIG_TEXT_MAX + 1);
    struct config *c = calloc(1, sizeof *c);
    if (text == NULL || c == NULL) {
        fail(&l, 0, "out of memory");
    } else {
        const ssize_t len = read_all(&l, fd, text, CONFIG_TEXT_MAX + 1);
        done = len >= 0 && load_text(&l, text, (size_t)len, c);
    }
    free(text);
    if (!done) {
        config_free(c);
        return -1;
    }
    *config = c;
    return 0;
}

int config_load(const char *path, struct config **config, struct config_error *error)
{
    struct loader l = {.name = path, .error = error};

    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        fail(&l, 0, "cannot be opened: %s; name the configuration with -c FILE", strerror(errno));
        return -1;
    }
    const int result = config_load_fd(fd, path, config, error);
    close(fd);
    return result;
}
