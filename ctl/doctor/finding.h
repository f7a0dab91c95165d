// What the doctor has found: a list of lines, each with a level, what was found, and how to mend
// it. Single-threaded.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum finding_level {
    FINDING_OK,
    FINDING_HINT,   // it works, and could be better
    FINDING_FAULT,  // requests are lost, times are wrong, or the server does not start
    FINDING_UNSEEN, // could not be looked at
};

struct finding {
    enum finding_level level;
    const char *subject; // the row of the doctor's table that made it; not owned
    char *found;
    char *mend; // the command or the line of a configuration; NULL: none is needed or known
};

struct findings {
    size_t n;
    struct finding *finding; // NULL before the first one
    const char *subject;     // of those that come next; set by the doctor
    bool short_of_memory;    // some are missing
};

// Adds one; format as printf. Control characters in what comes out are shown as blanks.
__attribute__((format(printf, 3, 4))) void
finding_add(struct findings *list, enum finding_level level, const char *format, ...);

// How the last one is mended, as printf.
__attribute__((format(printf, 2, 3))) void finding_mend(struct findings *list, const char *format,
                                                        ...);

size_t findings_count(const struct findings *list, enum finding_level level);

// One line a finding, then a line of totals.
void findings_show(const struct findings *list, FILE *out);

// {"findings": [{"level", "subject", "found", "mend"}], "ok", "hint", "fault", "unseen"}. The
// caller owns it; NULL when memory runs out.
json_t *findings_json(const struct findings *list);

void findings_free(struct findings *list);
