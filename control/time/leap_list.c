// The text of a list of leap seconds.
#include "control/time/leap_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_OF_1900 INT64_C(2208988800) // 1970 in seconds since 1900
#define DAY_S 86400

// A number, behind blanks. False: there is none, or it is no time of these centuries.
static bool take_number(const char **at, const char *end, int64_t *out)
{
    int64_t n = 0;
    const char *p = *at;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const char *first = p;
    for (; p < end && *p >= '0' && *p <= '9' && p - first < 12; p++)
        n = 10 * n + (*p - '0');
    if (p == first || (p < end && *p >= '0' && *p <= '9'))
        return false;
    *at = p;
    *out = n;
    return true;
}

static void add(struct leap_list *list, int64_t at_s, int64_t by)
{
    if (list->n == LEAP_LIST_LAST)
        memmove(&list->leap[0], &list->leap[1], (size_t)--list->n * sizeof list->leap[0]);
    list->leap[list->n++] = (struct leap_second){at_s, by};
}

struct parsing {
    struct leap_list list;
    int64_t last_s; // of the last line; 0: there was none
    int64_t ahead;  // TAI - UTC, behind it
};

// A line of data. The first one is where the list begins, not a leap second.
static bool take_entry(struct parsing *p, const char *line, const char *end)
{
    int64_t since_1900, ahead;
    if (!take_number(&line, end, &since_1900) || !take_number(&line, end, &ahead))
        return false;
    const int64_t at_s = since_1900 - UNIX_OF_1900;
    const int64_t by = ahead - p->ahead;
    const bool first = p->last_s == 0;
    if (at_s % DAY_S != 0 || at_s <= p->last_s || (!first && by != 1 && by != -1))
        return false;
    if (!first)
        add(&p->list, at_s, by);
    p->last_s = at_s;
    p->ahead = ahead;
    return true;
}

static bool take_line(struct parsing *p, const char *line, const char *end)
{
    int64_t since_1900;
    if (end - line >= 2 && line[0] == '#' && line[1] == '@') {
        line += 2;
        if (!take_number(&line, end, &since_1900))
            return false;
        p->list.expires_s = since_1900 - UNIX_OF_1900;
        return true;
    }
    while (line < end && (*line == ' ' || *line == '\t' || *line == '\r'))
        line++;
    return line == end || *line == '#' || take_entry(p, line, end);
}

bool leap_list_parse(const char *text, size_t len, struct leap_list *list)
{
    struct parsing p = {0};
    const char *const end = text + len;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL)
            stop = end;
        if (!take_line(&p, line, stop))
            return false;
        line = stop + (stop < end);
    }
    if (p.list.expires_s <= 0 || p.last_s == 0)
        return false;
    *list = p.list;
    return true;
}

const char *leap_list_fault(int64_t fault)
{
    return fault == -EBADMSG ? "it is no list of leap seconds" : strerror((int)-fault);
}
