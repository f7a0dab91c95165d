// From a YAML document to a struct config: walks the schema and the document side by side. Every
// error names file, line and key. The walk is as deep as the schema, for any document, so that
// aliases that point to themselves cause no endless loop.
#include "config/check.h"
#include "config/config.h"
#include "config/hint.h"
#include "config/load_faults.h"
#include "config/schema.h"
#include "config/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool load_value(struct loader *l, const yaml_node_t *node, const struct schema_key *key,
                       char *base, char *into)
{
    const char *text = load_text_of(node);

    if (text == NULL)
        return load_fail_value(l, node, key);
    if (load_is_null(node))
        return load_fail_null(l, node, key);
    if (key->alternative) {
        if (*(char **)into != NULL)
            return load_fail(l, load_line_of(node),
                             "`%s` stands beside another of its kind in one port; keep one",
                             key->path);
        if (value_parse(key, text, into))
            return memcpy(base + key->tag_at, &key->tag, sizeof key->tag) != NULL;
        return load_fail_value(l, node, key);
    }
    return value_parse(key, text, into) || load_fail_value(l, node, key);
}

static bool load_group(struct loader *l, yaml_node_t *node, size_t line,
                       const struct schema_key *parent, char *base);

static bool load_list(struct loader *l, yaml_node_t *node, const struct schema_key *key, char *base)
{
    uint32_t *count = (uint32_t *)(base + key->count_at);

    if (node->type != YAML_SEQUENCE_NODE)
        return load_fail(l, load_line_of(node),
                         "`%s` must be a list; write it in [ ] or with leading dashes", key->path);
    const size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n < key->list_min || n > key->list_max)
        return load_fail(l, load_line_of(node), "`%s` has %zu items; it must have %u to %u",
                         key->path, n, key->list_min, key->list_max);
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *item =
            yaml_document_get_node(&l->document, node->data.sequence.items.start[i]);
        char *into = base + key->at + i * key->size;
        (*count)++; // before it is filled, so that config_free sees what a failure leaves
        good &= key->type == SCHEMA_GROUP ? load_group(l, item, load_line_of(item), key, into)
                                          : load_value(l, item, key, base, into);
    }
    return good;
}

static bool load_default(struct loader *l, size_t line, const struct schema_key *key, char *base)
{
    char allowed[ALLOWED_MAX];

    if (key->type == SCHEMA_GROUP && key->list_max == 0)
        return load_group(l, NULL, line, key, base); // the keys in it may have defaults
    if (schema_forbids(key, base) && (key->required || key->list_max > 0))
        return true; // what has a default gets it, so that no value is ever missing
    if (key->required) {
        schema_allowed(key, allowed, sizeof allowed);
        return load_fail(
            l, line, "`%s` is missing and has no default; add it (%s): it must be %s%s", key->path,
            key->help, key->list_max > 0 ? "a list, each item " : "", allowed);
    }
    if (key->fallback == NULL)
        return true;
    if (key->list_max == 0)
        return value_parse(key, key->fallback, base + key->at) ||
               load_fail(l, 0, "out of memory for `%s`", key->path);

    uint32_t *count = (uint32_t *)(base + key->count_at);
    char items[ALLOWED_MAX];
    char *rest = NULL;
    snprintf(items, sizeof items, "%s", key->fallback);
    for (char *item = strtok_r(items, ", ", &rest); item != NULL;
         item = strtok_r(NULL, ", ", &rest)) {
        char *into = base + key->at + (*count)++ * key->size;
        if (!value_parse(key, item, into))
            return load_fail(l, 0, "out of memory for `%s`", key->path);
        if (key->type == SCHEMA_LISTEN)
            ((struct config_listen *)into)->by_default = true;
    }
    return true;
}

// Names that the document uses: each is known, and none comes twice.
static bool check_names(struct loader *l, yaml_node_t *node, const struct schema_key *parent)
{
    bool good = true;

    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        yaml_node_t *name = yaml_document_get_node(&l->document, p->key);
        const char *text = load_text_of(name);
        if (text == NULL)
            return load_fail(l, load_line_of(name), "a key must be a plain word");
        if (schema_find(parent, text) == NULL) {
            good = load_fail_unknown(l, load_line_of(name), parent, text);
            continue;
        }
        for (yaml_node_pair_t *q = node->data.mapping.pairs.start; q < p; q++) {
            yaml_node_t *earlier = yaml_document_get_node(&l->document, q->key);
            if (strcmp(load_text_of(earlier), text) == 0)
                return load_fail(l, load_line_of(name),
                                 "`%s` stands twice, first in line %zu; remove one",
                                 schema_find(parent, text)->path, load_line_of(earlier));
        }
    }
    return good;
}

static yaml_node_t *member(yaml_document_t *document, yaml_node_t *node, const char *name)
{
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const char *text = load_text_of(yaml_document_get_node(document, p->key));
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
        return load_fail(l, line, "`%s` must be a mapping of keys to values",
                         parent == NULL ? "the file" : parent->path);
    bool good = node == NULL || check_names(l, node, parent);

    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        const char *name = schema_name_in(key->path, parent);
        if (name == NULL)
            continue;
        yaml_node_t *value = node == NULL ? NULL : member(&l->document, node, name);
        bool done;
        if (value == NULL)
            done = load_default(l, line, key, base);
        else if (load_is_null(value))
            done = load_fail_null(l, value, key);
        else if (schema_forbids(key, base))
            done = load_fail_forbidden(l, value, key, base);
        else if (key->list_max > 0)
            done = load_list(l, value, key, base);
        else if (key->type == SCHEMA_GROUP)
            done = load_group(l, value, load_line_of(value), key, base);
        else
            done = load_value(l, value, key, base, base + key->at);
        good &= done;
    }
    return good;
}

// The line for a message about a rule: the nearest line that the document has for the path.
static size_t line_of_path(struct loader *l, const char *path, uint32_t index)
{
    char parts[PATH_TEXT_MAX];
    char *rest = NULL;
    yaml_node_t *node = yaml_document_get_root_node(&l->document);
    size_t line = load_line_of(node);

    snprintf(parts, sizeof parts, "%s", path);
    for (char *part = strtok_r(parts, ".", &rest); part != NULL && node != NULL;
         part = strtok_r(NULL, ".", &rest)) {
        node = node->type == YAML_MAPPING_NODE ? member(&l->document, node, part) : NULL;
        if (node != NULL)
            line = load_line_of(node);
    }
    if (node != NULL && node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *item = node->data.sequence.items.start + index;
        if (item < node->data.sequence.items.top)
            line = load_line_of(yaml_document_get_node(&l->document, *item));
    }
    return line;
}

static bool load_document(struct loader *l, struct config *config)
{
    struct check_fault fault;
    yaml_node_t *root = yaml_document_get_root_node(&l->document);

    if (!load_group(l, root, load_line_of(root), NULL, (char *)config))
        return false;
    if (!check_rules(config, &fault))
        return load_fail(l, line_of_path(l, fault.path, fault.index), "`%s` %s", fault.path,
                         fault.text);
    return true;
}

static bool fail_yaml(struct loader *l, const yaml_parser_t *parser)
{
    // The reader of octets knows their offset alone, the parser the line.
    const size_t line = parser->error == YAML_READER_ERROR
                            ? hint_line(l->text, l->len, parser->problem_offset)
                            : parser->problem_mark.line + 1;
    if (hint_tab(l->text, l->len, line))
        return load_fail(l, line,
                         "a tab stands before the first word; YAML takes blanks alone there");
    return load_fail(l, line, "this is not YAML: %s%s%s",
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
    const size_t line = load_line_of(root);
    yaml_document_delete(&second);
    return alone || load_fail(l, line, "a second document starts here; a configuration has one");
}

static bool load_text(struct loader *l, const char *text, size_t len, struct config *config)
{
    yaml_parser_t parser;
    size_t line;
    bool done = false;

    l->text = text;
    l->len = len;
    const char *encoding = hint_encoding(text, len, &line);
    if (encoding != NULL)
        return load_fail(l, line, "%s", encoding);

    if (!yaml_parser_initialize(&parser))
        return load_fail(l, 0, "out of memory");
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
            load_fail(l, 0, "cannot be read: %s", strerror(errno));
            return -1;
        }
        if (n == 0)
            return (ssize_t)len;
        len += (size_t)n;
    }
    load_fail(l, 0, "is longer than %d octets; a configuration is shorter", CONFIG_TEXT_MAX);
    return -1;
}

int config_load_fd(int fd, const char *name, struct config **config, struct config_error *error)
{
    struct loader l = {.name = name, .error = error};
    bool done = false;

    *error = (struct config_error){0};
    char *text = malloc(CONFIG_TEXT_MAX + 1);
    struct config *c = calloc(1, sizeof *c);
    if (text == NULL || c == NULL) {
        load_fail(&l, 0, "out of memory");
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
        *error = (struct config_error){0};
        load_fail(&l, 0, "cannot be opened: %s; name the configuration with -c FILE",
                  strerror(errno));
        return -1;
    }
    const int result = config_load_fd(fd, path, config, error);
    close(fd);
    return result;
}
