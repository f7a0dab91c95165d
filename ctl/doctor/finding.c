// The list, as text and as JSON.
#include "ctl/doctor/finding.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    [FINDING_OK] = "ok",
    [FINDING_HINT] = "hint",
    [FINDING_FAULT] = "fault",
    [FINDING_UNSEEN] = "unseen",
};
enum { LEVELS = sizeof words / sizeof words[0] };

__attribute__((format(printf, 1, 0))) static char *text_of(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return NULL;
    printable(text, strlen(text));
    return text;
}

void finding_add(struct findings *list, enum finding_level level, const char *format, ...)
{
    struct finding *more = reallocarray(list->finding, list->n + 1, sizeof list->finding[0]);
    if (more == NULL) {
        list->short_of_memory = true;
        return;
    }
    list->finding = more;
    va_list arguments;
    va_start(arguments, format);
    char *found = text_of(format, arguments);
    va_end(arguments);
    if (found == NULL) {
        list->short_of_memory = true;
        return;
    }
    more[list->n++] = (struct finding){.level = level, .subject = list->subject, .found = found};
}

void finding_mend(struct findings *list, const char *format, ...)
{
    if (list->n == 0)
        return;
    struct finding *last = &list->finding[list->n - 1];
    va_list arguments;
    va_start(arguments, format);
    free(last->mend);
    last->mend = text_of(format, arguments);
    va_end(arguments);
}

size_t findings_count(const struct findings *list, enum finding_level level)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        n += list->finding[i].level == level;
    return n;
}

void findings_show(const struct findings *list, FILE *out)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *f = &list->finding[i];
        fprintf(out, "%-6s %-12s %s", words[f->level], f->subject, f->found);
        if (f->mend != NULL)
            fprintf(out, "; to mend: %s", f->mend);
        fputc('\n', out);
    }
    fprintf(out, "%zu ok, %zu hints, %zu faults, %zu not looked at\n",
            findings_count(list, FINDING_OK), findings_count(list, FINDING_HINT),
            findings_count(list, FINDING_FAULT), findings_count(list, FINDING_UNSEEN));
}

json_t *findings_json(const struct findings *list)
{
    json_t *array = json_array(), *o = json_object();
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *f = &list->finding[i];
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:s, s:s?}", "level", words[f->level],
                                        "subject", f->subject, "found", f->found, "mend", f->mend));
    }
    bool whole = !list->short_of_memory && json_array_size(array) == list->n;
    whole &= json_object_set_new(o, "findings", array) == 0;
    for (int level = 0; level < LEVELS; level++)
        whole &=
            json_object_set_new(
                o, words[level],
                json_integer((json_int_t)findings_count(list, (enum finding_level)level))) == 0;
    if (whole)
        return o;
    json_decref(o);
    return NULL;
}

void findings_free(struct findings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->finding[i].found);
        free(list->finding[i].mend);
    }
    free(list->finding);
    *list = (struct findings){0};
}
