// Edit distance to the names of the schema.
#include "config/suggest.h"

#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// Computed one row at a time.
size_t suggest_distance(const char *a, const char *b)
{
    const size_t n = strlen(b);
    size_t row[SUGGEST_NAME_MAX + 1];

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

static const char *last_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

const char *suggest_key(const struct schema_key *parent, const char *name)
{
    const char *best = NULL;
    size_t best_distance = 4; // a name at a greater distance is another word

    if (strlen(name) > SUGGEST_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < schema_n; i++) {
        const char *known = schema_name_in(schema[i].path, parent);
        if (known == NULL)
            continue;
        const size_t d = suggest_distance(name, known);
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
