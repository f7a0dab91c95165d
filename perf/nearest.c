#include "perf/nearest.h"

#include "base/word_distance.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    NEAREST_MAX = 96, // names
    TOO_FAR = 4,      // a name at this distance is another word
};

const char *nearest_of(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_distance = TOO_FAR;
    const size_t len = strlen(word);
    if (len == 0 || len > WORD_DISTANCE_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < n && len >= 3; i++)
        if (strncmp(names[i], word, len) == 0)
            return names[i];
    for (size_t i = 0; i < n; i++) {
        size_t d = word_distance(word, names[i]);
        size_t shorter = strlen(names[i]) < len ? strlen(names[i]) : len;
        // At most half of the letters may be wrong, or any two short names would be near.
        if (d < best_distance && d * 2 <= shorter + 1) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

const char *nearest_option(const char *word, const struct option *options,
                           char hint[NEAREST_HINT_LEN])
{
    const char *names[NEAREST_MAX];
    char copy[WORD_DISTANCE_MAX_LEN + 1];
    size_t n = 0;
    hint[0] = '\0';
    word += strspn(word, "-");
    size_t len = strcspn(word, "=");
    if (len >= sizeof copy)
        return hint;
    memcpy(copy, word, len);
    copy[len] = '\0';
    for (; options->name; options++) {
        assert(n < NEAREST_MAX);
        names[n++] = options->name;
    }
    const char *near = nearest_of(copy, names, n);
    if (near)
        snprintf(hint, NEAREST_HINT_LEN, " (did you mean --%s?)", near);
    return hint;
}
