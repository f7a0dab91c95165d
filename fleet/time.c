// The calendar is arithmetic of our own: gmtime and timegm of libc read the time zone's file, which
// a confined process cannot open.
#include "fleet/time.h"

#include <stdio.h>

enum { DAY_S = 24 * 3600 };

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

int64_t fleet_time_of_month(unsigned year, unsigned month)
{
    int64_t days = 0;
    for (unsigned y = FLEET_YEAR_MIN; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (unsigned m = 1; m < month; m++)
        days += days_of_month(year, m);
    return days * DAY_S;
}

// Reads n digits.
static bool digits(const char *at, unsigned n, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(at[i] - '0');
    }
    return true;
}

bool fleet_time_parse(const char *text, size_t len, int64_t *utc_s)
{
    static const char shape[] = "....-..-..T..:..:..";
    const size_t body = len - 1; // without the Z
    unsigned year, month, day, hour, minute, second = 0;

    if ((len != sizeof "2026-12-01T00:00Z" - 1 && len != sizeof "2026-12-01T00:00:00Z" - 1) ||
        text[body] != 'Z')
        return false;
    for (size_t i = 0; i < body; i++)
        if (shape[i] != '.' && text[i] != shape[i])
            return false;
    if (!digits(text, 4, &year) || !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) ||
        !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) ||
        (body == sizeof shape - 1 && !digits(text + 17, 2, &second)))
        return false;
    if (year < FLEET_YEAR_MIN || year > FLEET_YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 59)
        return false;
    *utc_s = fleet_time_of_month(year, month) + (int64_t)(day - 1) * DAY_S + hour * 3600 +
             minute * 60 + second;
    return true;
}

size_t fleet_time_print(int64_t utc_s, char *out, size_t size)
{
    unsigned year = FLEET_YEAR_MIN, month = 1;
    while (fleet_time_of_month(year + 1, 1) <= utc_s)
        year++;
    while (fleet_time_of_month(year, month + 1) <= utc_s)
        month++;
    const unsigned in_month = (unsigned)(utc_s - fleet_time_of_month(year, month));
    const unsigned in_day = in_month % DAY_S;
    int n = snprintf(out, size, "%04u-%02u-%02uT%02u:%02u", year, month, 1 + in_month / DAY_S,
                     in_day / 3600, in_day / 60 % 60);
    if (in_day % 60 != 0)
        n += snprintf(out + n, size - (size_t)n, ":%02u", in_day % 60);
    return (size_t)(n + snprintf(out + n, size - (size_t)n, "Z"));
}

static const struct {
    char name;
    uint32_t s;
} units[] = {{'d', DAY_S}, {'h', 3600}, {'m', 60}, {'s', 1}};

bool fleet_duration_parse(const char *text, size_t len, uint32_t max_s, uint32_t *s)
{
    unsigned number;
    if (len < 2 || len > 8 || !digits(text, (unsigned)len - 1, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text[len - 1] != units[i].name)
            continue;
        const uint64_t total = (uint64_t)number * units[i].s;
        if (total < 1 || total > max_s)
            return false;
        *s = (uint32_t)total;
        return true;
    }
    return false;
}

size_t fleet_duration_print(uint32_t s, char *out, size_t size)
{
    size_t unit = s == DAY_S ? 1 : 0; // 24h, as in the configuration
    while (s % units[unit].s != 0)
        unit++;
    return (size_t)snprintf(out, size, "%u%c", s / units[unit].s, units[unit].name);
}
