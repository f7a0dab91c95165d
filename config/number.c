// Numbers, fractions and times in a configuration's text.
#include "config/number.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

bool number_digits(const char *text, size_t len, uint64_t most, uint64_t *value)
{
    uint64_t v = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text[i] - '0');
        if (v > most)
            return false;
    }
    *value = v;
    return true;
}

bool number_parse(const struct schema_key *key, const char *text, void *into)
{
    uint64_t v;
    if (!number_digits(text, strlen(text), key->max, &v) || v < key->min)
        return false;

    const uint8_t octet = (uint8_t)v;
    const uint16_t half = (uint16_t)v;
    const uint32_t whole = (uint32_t)v;
    memcpy(into,
           key->size == sizeof octet  ? (const void *)&octet
           : key->size == sizeof half ? (const void *)&half
                                      : (const void *)&whole,
           key->size);
    return true;
}

// Up to six digits behind the point.
bool number_parse_fraction(const struct schema_key *key, const char *text, void *into)
{
    const size_t n = strspn(text, "0123456789");
    uint64_t whole, part = 0;
    if (!number_digits(text, n, UINT32_MAX, &whole))
        return false;
    if (text[n] != '\0') {
        const char *behind = text + n + 1;
        size_t len = strlen(behind);
        if (text[n] != '.' || len > 6 || !number_digits(behind, len, UINT32_MAX, &part))
            return false;
        for (; len < 6; len++)
            part *= 10;
    }
    const uint64_t v = whole * CONFIG_FRACTION_ONE + part;
    if (v < key->min || v > key->max)
        return false;
    *(uint32_t *)into = (uint32_t)v;
    return true;
}

void number_fraction_text(uint32_t millionths, char *out, size_t len)
{
    uint32_t part = millionths % CONFIG_FRACTION_ONE;
    int places = 6;
    for (; places > 0 && part % 10 == 0; places--)
        part /= 10;
    if (places == 0)
        snprintf(out, len, "%u", millionths / CONFIG_FRACTION_ONE);
    else
        snprintf(out, len, "%u.%0*u", millionths / CONFIG_FRACTION_ONE, places, part);
}

uint32_t number_of(const struct schema_key *key, const void *from)
{
    uint8_t octet;
    uint16_t half;
    uint32_t whole;

    switch (key->size) {
    case sizeof octet:
        memcpy(&octet, from, sizeof octet);
        return octet;
    case sizeof half:
        memcpy(&half, from, sizeof half);
        return half;
    default:
        memcpy(&whole, from, sizeof whole);
        return whole;
    }
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"d", UINT64_C(86400000000000)},
             {"h", UINT64_C(3600000000000)},
             {"m", UINT64_C(60000000000)},
             {"s", 1000000000},
             {"ms", 1000000},
             {"us", 1000},
             {"ns", 1}};
enum { UNITS = sizeof units / sizeof units[0] };

bool number_parse_duration(const struct schema_key *key, const char *text, void *into)
{
    const size_t n = strspn(text, "0123456789");
    uint64_t v;
    if (!number_digits(text, n, UINT32_MAX, &v))
        return false;

    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(text + n, units[i].name) != 0)
            continue;
        if (v > UINT64_MAX / units[i].ns)
            return false;
        const uint64_t ns = v * units[i].ns;
        const uint64_t count = ns / key->unit_ns;
        if (ns % key->unit_ns != 0 || count < key->min || count > key->max)
            return false;
        *(uint32_t *)into = (uint32_t)count;
        return true;
    }
    return false;
}

void number_duration_text(uint32_t count, uint64_t unit_ns, char *out, size_t len)
{
    const uint64_t ns = count * unit_ns;
    for (size_t i = 0; i < UNITS; i++) {
        if (ns % units[i].ns != 0 || (ns == 0 && units[i].ns != unit_ns))
            continue;
        snprintf(out, len, "%llu%s", (unsigned long long)(ns / units[i].ns), units[i].name);
        return;
    }
}
