#include "config/suggest.h"

#include "base/word_distance.h"

#include <string.h>

static const char *last_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

const char *suggest_key(const struct schema_key *parent, const char *name)
{
    const char *best = NULL;
    size_t best_distance = 4; // a name at a greater distance is another word

    if (strlen(name) > WORD_DISTANCE_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < schema_n; i++) {
        const char *known = schema_name_in(schema[i].path, parent);
        if (known == NULL)
            continue;
        const size_t d = word_distance(name, known);
        if (d < best_distance && d * 2 <= strlen(known)) {
            best = schema[i].path;
            best_distance = d;
        }
    }
    for (size_t i = 0; best == NULL && i < schema_n; i++)
        if (strcmp(last_name(schema[i].path), name) == 0)
            best = schema[i].path;
    return best;
}
