// The lines are made one by one: each is cut to the width, and those that do not fit are left out.
// What the server says is without control characters already (clean.h).
#include "ctl/top_screen.h"

#include "ctl/member.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

enum {
    LINE_MAX_LEN = 1024,
    BAR = 20,
    HEAD = 9,      // lines above the cores
    DROPS_MIN = 4, // lines that cores leave to the drops: an empty one, the heading and two
};

struct page {
    const struct top_size *size;
    const char *begin, *end;
    FILE *out;
    int n; // lines written
};

// The octets of the first `columns` characters; a character of UTF-8 counts as one column.
static size_t cut(const char *text, int columns)
{
    size_t i = 0;
    for (int n = 0; text[i] != '\0'; i++) {
        const bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (begins && ++n > columns)
            break;
    }
    return i;
}

__attribute__((format(printf, 2, 3))) static void line(struct page *page, const char *format, ...)
{
    char text[LINE_MAX_LEN];
    va_list arguments;
    if (page->size->rows > 0 && page->n >= page->size->rows)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(page->out, "%s%.*s%s", page->begin, (int)cut(text, page->size->columns), text,
            page->end);
    page->n++;
}

// "at most 12.500 us", or that nobody knows.
static const char *micros(const json_t *object, const char *name, char text[32])
{
    const json_t *value = json_object_get(object, name);
    if (json_is_number(value))
        snprintf(text, 32, "%.3f us", json_number_value(value) * 1e6);
    else
        snprintf(text, 32, "not known");
    return text;
}

static void draw_clock(struct page *page, const json_t *clock)
{
    char offset[32], bound[32];
    const char *reason = json_string_value(json_object_get(clock, "reason"));
    const char *served = !member_yes(clock, "serving")        ? "NOT SERVED: no line yet"
                         : !member_yes(clock, "synchronised") ? "served as NOT SYNCHRONISED"
                                                              : "served";
    line(page, "clock    %s, stratum %" PRId64 ", %s; %s%s%s for %.0f s",
         member_text(clock, "source"), member_number(clock, "stratum"), served,
         member_text(clock, "health"), reason != NULL ? ": " : "", reason != NULL ? reason : "",
         member_real(clock, "for_s"));
    line(page, "         error at most %s, the source's offset %s",
         micros(clock, "error_bound_s", bound), micros(clock, "offset_s", offset));
}

static void draw_keys(struct page *page, const json_t *keys)
{
    int64_t age = 0, oldest = 0;
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
    {
        if (strcmp(member_text(key, "role"), "future") == 0)
            age = member_number(key, "age_s"); // made at the last rotation
        if (member_number(key, "age_s") > oldest)
            oldest = member_number(key, "age_s");
    }
    line(page, "keys     %zu, rotated %" PRId64 " s ago, the oldest is %" PRId64 " s old",
         json_array_size(keys), age, oldest);
}

static void draw_idle(struct page *page, const json_t *view)
{
    if (strcmp(member_text(view, "idle"), "adaptive") == 0)
        line(page, "idle     adaptive: cores sleep; stamped arrivals stay exact, others count when "
                   "the core wakes");
    else
        line(page, "idle     %s: cores poll all the time, no arrival waits for a core to wake",
             member_text(view, "idle"));
}

static bool serves_no_ntp(const json_t *view)
{
    return strcmp(member_text(view, "role"), "ke") == 0;
}

static void draw_head(struct page *page, const json_t *view, const char *fault)
{
    const json_t *ke = json_object_get(view, "ke");
    const json_t *replies = json_object_get(view, "replies_per_s");
    const bool no_ntp = serves_no_ntp(view);
    if (fault != NULL)
        line(page, "NO ANSWER, this is old: %s", fault);
    else
        line(page, "noonmarkd %s, over %.1f s%s", member_text(view, "version"),
             member_real(view, "interval_s"),
             member_yes(view, "dataplane_serving") || no_ntp ? ""
                                                             : ", the dataplane DOES NOT SERVE");
    if (no_ntp)
        line(page, "%s", "role     ke: NTS-KE alone, this host serves no NTP");
    else
        draw_clock(page, json_object_get(view, "clock"));
    draw_keys(page, json_object_get(view, "keys"));
    if (!no_ntp)
        draw_idle(page, view);
    line(page, "ke       %.1f connections/s, %.1f got cookies, %" PRId64 " open",
         member_real(ke, "accepted_per_s"), member_real(ke, "completed_per_s"),
         member_number(ke, "open"));
    if (no_ntp)
        return;
    line(page, "%s", "");
    line(page, "requests %.0f/s, %.0f of them by the kernel's path",
         member_real(view, "requests_per_s"), member_real(view, "kernel_path_per_s"));
    line(page, "replies  %.0f/s plain, %.0f/s NTS, %.0f/s NAK", member_real(replies, "plain"),
         member_real(replies, "nts"), member_real(replies, "nak"));
}

static void draw_core(struct page *page, const json_t *core)
{
    static const char full[BAR + 1] = "####################";
    const double share = member_real(core, "busy");
    const int n = (int)(share * BAR + 0.5);
    line(page, "%5" PRId64 " [%-*.*s] %5.1f %% %12.0f %12.2f us", member_number(core, "cpu"), BAR,
         n, full, share * 100, member_real(core, "requests_per_s"),
         (double)member_number(core, "departure_ns") / 1000);
}

// As many as leave room for some drops.
static void draw_cores(struct page *page, const json_t *cores)
{
    const size_t n = json_array_size(cores);
    size_t most = n;
    if (page->size->rows > 0) {
        const int room = page->size->rows - page->n - 2 - DROPS_MIN;
        most = room < 1 ? 1 : (size_t)room < n ? (size_t)room - 1 : n;
    }
    line(page, "%s", "");
    line(page, " CORE %-22s %7s %12s %15s", "BUSY", "", "REQUESTS/S", "DEPARTS AFTER");
    for (size_t i = 0; i < n && i < most; i++)
        draw_core(page, json_array_get(cores, i));
    if (n > most)
        line(page, "      and %zu more", n - most);
}

static void draw_drops(struct page *page, const json_t *drops)
{
    size_t i;
    json_t *drop;
    line(page, "%s", "");
    if (json_array_size(drops) == 0)
        line(page, "nothing is dropped");
    else
        line(page, "%-20s %10s", "DROPPED", "/S");
    json_array_foreach(drops, i, drop)
        line(page, "%-20s %10.1f", member_text(drop, "cause"), member_real(drop, "per_s"));
}

void top_draw(const json_t *view, const char *fault, const struct top_size *size,
              const char *line_begin, const char *line_end, FILE *out)
{
    struct page page = {.size = size, .begin = line_begin, .end = line_end, .out = out};
    draw_head(&page, view, fault);
    if (serves_no_ntp(view))
        return;
    draw_cores(&page, json_object_get(view, "cores"));
    draw_drops(&page, json_object_get(view, "drops"));
}
