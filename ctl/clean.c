#include "ctl/clean.h"

#include "base/printable.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *clean_text(const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (copy != NULL)
        printable(copy, strlen(copy));
    return copy;
}

static json_t *clean_string(const json_t *value)
{
    char *text = clean_text(json_string_value(value));
    json_t *copy = text != NULL ? json_string(text) : NULL;
    free(text);
    return copy;
}

static json_t *clean_array(const json_t *value)
{
    json_t *copy = json_array();
    for (size_t i = 0; i < json_array_size(value); i++)
        if (json_array_append_new(copy, clean_copy(json_array_get(value, i))) != 0)
            goto fail;
    return copy;

fail:
    json_decref(copy);
    return NULL;
}

static json_t *clean_object(const json_t *value)
{
    json_t *copy = json_object();
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        char *clean_name = clean_text(name);
        int fault = json_object_set_new(copy, clean_name, clean_copy(member));
        free(clean_name);
        if (fault != 0)
            goto fail;
    }
    return copy;

fail:
    json_decref(copy);
    return NULL;
}

// jansson limits the depth of an answer (JSON_PARSER_MAX_DEPTH), and so this recursion.
json_t *clean_copy(const json_t *value)
{
    if (json_is_string(value))
        return clean_string(value);
    if (json_is_array(value))
        return clean_array(value);
    if (json_is_object(value))
        return clean_object(value);
    return json_deep_copy(value); // numbers, true, false and null
}
