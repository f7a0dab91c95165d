#include "perf/words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *word;
    double factor;
};

// Parses a number that is not negative, with its unit.
static bool number_with_unit(const char *text, const struct unit *units, double *value)
{
    // strtod alone would accept blanks, signs, hexadecimal digits and "nan".
    if ((!isdigit((unsigned char)*text) && *text != '.') || text[1] == 'x' || text[1] == 'X')
        return false;
    char *end;
    double number = strtod(text, &end);
    if (end == text)
        return false;
    for (; units->word; units++)
        if (strcmp(end, units->word) == 0) {
            number *= units->factor;
            if (!isfinite(number))
                return false;
            *value = number;
            return true;
        }
    return false;
}

bool words_rate(const char *text, double *rate)
{
    static const struct unit units[] = {{"", 1},   {"k", 1e3},   {"K", 1e3},   {"M", 1e6},
                                        {"/s", 1}, {"k/s", 1e3}, {"M/s", 1e6}, {0}};
    return number_with_unit(text, units, rate);
}

bool words_time(const char *text, uint64_t *ns)
{
    static const struct unit units[] = {{"ns", 1},     {"us", 1e3},    {"ms", 1e6},
                                        {"s", 1e9},    {"", 1e9},      {"m", 60e9},
                                        {"h", 3600e9}, {"d", 86400e9}, {0}};
    double value;
    if (!number_with_unit(text, units, &value) || value > 9e18)
        return false;
    *ns = (uint64_t)value;
    return true;
}

bool words_share(const char *text, double *share)
{
    static const struct unit units[] = {{"%", 0.01}, {"", 1}, {0}};
    double value;
    if (!number_with_unit(text, units, &value) || value > 1)
        return false;
    *share = value;
    return true;
}

bool words_count(const char *text, double low, double high, uint32_t *n)
{
    static const struct unit units[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {0}};
    double value;
    if (!number_with_unit(text, units, &value) || value < low || value > high ||
        value != floor(value))
        return false;
    *n = (uint32_t)value;
    return true;
}

bool words_prefix(const char *text, struct path_prefix *prefix)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    struct path_prefix p = {.family = strchr(address, ':') ? AF_INET6 : AF_INET};
    uint32_t bits = p.family == AF_INET ? 32 : 128;
    if (inet_pton(p.family, address, p.octets) != 1)
        return false;
    if (text[len] == '/' && !words_count(text + len + 1, 0, bits, &bits))
        return false;
    p.len = (uint8_t)bits;
    *prefix = p;
    return true;
}

bool words_mac(const char *text, uint8_t mac[6])
{
    unsigned o[6];
    char rest;
    // sscanf alone would accept blanks, signs and "0x".
    if (text[strspn(text, "0123456789abcdefABCDEF:")] != '\0' ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5],
               &rest) != 6)
        return false;
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)o[i];
    return true;
}

const char *words_of_rate(double rate, char text[WORDS_LEN])
{
    if (rate >= 999500)
        snprintf(text, WORDS_LEN, rate < 999.5e6 ? "%.3g M" : "%.0f M", rate / 1e6);
    else if (rate >= 9999.5)
        snprintf(text, WORDS_LEN, "%.1f k", rate / 1e3);
    else
        snprintf(text, WORDS_LEN, rate < 10 && rate != floor(rate) ? "%.2f" : "%.0f", rate);
    return text;
}

const char *words_of_ns(double ns, char text[WORDS_LEN])
{
    static const struct unit units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
    const struct unit *unit = units;
    while (fabs(ns) < unit->factor * 0.9995 &&
           unit->factor > 1) // also if it would be rounded to 1000
        unit++;
    double value = ns / unit->factor;
    int digits = unit->factor == 1 || fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    snprintf(text, WORDS_LEN, "%.*f %s", digits, value, unit->word);
    return text;
}

const char *words_of_share(double share, char text[WORDS_LEN])
{
    double percent = share * 100;
    int digits = percent == 0 || percent >= 10 ? 1 : percent >= 0.1 ? 2 : 5;
    snprintf(text, WORDS_LEN, "%.*f %%", percent == 0 ? 0 : digits, percent);
    return text;
}
