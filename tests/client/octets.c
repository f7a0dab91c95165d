// See octets.h.
#include "tests/client/octets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int octets_from_hex(const char *text, uint8_t *out, size_t room)
{
    size_t n = 0;
    while (*text != '\0') {
        if (isspace((unsigned char)*text) || *text == ':') {
            text++;
            continue;
        }
        int high = digit(text[0]);
        int low = high < 0 ? -1 : digit(text[1]);
        if (low < 0 || n == room)
            return -1;
        out[n++] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return (int)n;
}

void octets_print(FILE *out, const char *name, const uint8_t *at, size_t len)
{
    fprintf(out, "\"%s\":\"", name);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02x", at[i]);
    fputc('"', out);
}

void text_print(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\":\"", name);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static uint64_t sequence;
static bool seeded;

void octets_seed(uint64_t seed)
{
    sequence = seed;
    seeded = true;
}

// Splitmix64.
static uint64_t next(void)
{
    uint64_t z = sequence += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void octets_random(void *at, size_t len)
{
    uint8_t *p = at;
    for (; seeded && len > 0;) {
        uint64_t v = next();
        size_t n = len < sizeof v ? len : sizeof v;
        memcpy(p, &v, n);
        p += n;
        len -= n;
    }
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n <= 0) {
            perror("getrandom");
            exit(1);
        }
        p += n;
        len -= (size_t)n;
    }
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}
