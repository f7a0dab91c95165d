// A document is read line by line; the first fault ends it.
#include "fleet/document.h"

#include "base/bytes.h"
#include "fleet/derive.h"
#include "fleet/time.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 24 * 3600, WORDS_MAX = 4 };

static const char first_line[] = "noonmark-fleet 1";

// A stretch of the text; no NUL follows it.
struct word {
    const char *at;
    size_t len;
};

struct parser {
    const char *text; // of the whole document
    size_t len;
    struct word line;
    unsigned n_words; // of the line
    struct word word[WORDS_MAX];
    bool has_rotate;
    struct fleet_document *document;
    struct fleet_error *error;
};

__attribute__((format(printf, 2, 3))) static bool fault(struct fleet_error *error,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return false;
}

static bool is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

// Lower case alone, so that the same octets have one text.
static bool hex(struct word word, uint8_t *out, size_t len)
{
    if (word.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        const int high = digit(word.at[2 * i]), low = digit(word.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void print_hex(const uint8_t *octets, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
}

static bool serial_line(struct parser *p)
{
    uint64_t serial = 0;
    const struct word number = p->word[1];

    if (p->document->serial != 0)
        return fault(p->error, "a second `serial`; leave one");
    bool good = p->n_words == 2 && number.len >= 1 && number.len <= 18;
    for (size_t i = 0; good && i < number.len; i++) {
        good = number.at[i] >= '0' && number.at[i] <= '9';
        serial = serial * 10 + (uint64_t)(number.at[i] - '0');
    }
    if (!good || serial == 0)
        return fault(p->error, "`serial` needs one whole number, from 1, of at most 18 digits");
    p->document->serial = serial;
    return true;
}

static bool rotate_line(struct parser *p)
{
    if (p->has_rotate)
        return fault(p->error, "a second `rotate`; leave one");
    p->has_rotate = true;
    if (p->n_words != 2 || !fleet_duration_parse(p->word[1].at, p->word[1].len, FLEET_ROTATE_MAX_S,
                                                 &p->document->rotate_s))
        return fault(p->error, "`rotate` needs one duration from 1s to 30d, such as 24h");
    return true;
}

static bool revoke_line(struct parser *p)
{
    struct fleet_document *d = p->document;
    uint8_t id[4];
    if (p->n_words != 2 || !hex(p->word[1], id, sizeof id))
        return fault(p->error, "`revoke` needs one key id: 8 hexadecimal digits in lower case, as "
                               "`noonmarkctl keys` prints it");
    if (d->n_revoked == FLEET_REVOKED_MAX)
        return fault(p->error,
                     "more than %d `revoke` lines; remove those of keys that are out of use",
                     FLEET_REVOKED_MAX);
    d->revoked[d->n_revoked++] = be32_get(id);
    return true;
}

// Does a span follow the one before it?
static bool span_fits(const struct fleet_document *d, uint32_t i, struct fleet_error *error)
{
    char from[FLEET_TIME_LEN], until[FLEET_TIME_LEN];
    const struct fleet_span *span = &d->span[i];

    fleet_time_print(span->from_s, from, sizeof from);
    if (span->until_s <= span->from_s)
        return fault(error, "the span ends at or before its beginning, %s", from);
    if (i == 0 || span->from_s == span[-1].until_s)
        return true;
    fleet_time_print(span[-1].until_s, until, sizeof until);
    return fault(error,
                 "the span begins at %s, but the one before ends at %s: %s; each span must "
                 "begin where the one before ends",
                 from, until, span->from_s < span[-1].until_s ? "they overlap" : "there is a gap");
}

static bool span_line(struct parser *p)
{
    struct fleet_document *d = p->document;
    struct fleet_span *span = &d->span[d->n_spans];

    if (d->n_spans == FLEET_SPANS_MAX)
        return fault(p->error, "more than %d spans; remove those that ended long ago",
                     FLEET_SPANS_MAX);
    if (p->n_words != 3)
        return fault(p->error, "not a line of a document: `serial`, `rotate`, `revoke`, `sum`, a "
                               "comment with #, or FROM UNTIL SECRET is expected");
    for (unsigned i = 0; i < 2; i++)
        if (!fleet_time_parse(p->word[i].at, p->word[i].len,
                              i == 0 ? &span->from_s : &span->until_s))
            return fault(p->error, "the %s word is no time of UTC such as 2026-12-01T00:00Z",
                         i == 0 ? "first" : "second");
    if (!hex(p->word[2], span->secret, sizeof span->secret))
        return fault(p->error, "the secret is not %d hexadecimal digits in lower case",
                     2 * FLEET_SECRET_LEN);
    if (!span_fits(d, d->n_spans, p->error))
        return false;
    d->n_spans++;
    return true;
}

// The last line: it covers the octets before it.
static bool sum_line(struct parser *p)
{
    uint8_t sum[32], wanted[32];
    const size_t before = (size_t)(p->line.at - p->text);

    if (p->n_words != 2 || !hex(p->word[1], wanted, sizeof wanted))
        return fault(p->error, "`sum` needs %d hexadecimal digits in lower case", FLEET_SUM_LEN);
    if (before + p->line.len + 1 != p->len)
        return fault(p->error, "something follows the `sum` line, which must be the last one");
    if (!fleet_sum(p->text, before, sum))
        return fault(p->error, "OpenSSL cannot compute SHA-256");
    if (!bytes_equal_ct(sum, wanted, sizeof sum))
        return fault(p->error, "the sum is wrong: the file is damaged, or it was edited and "
                               "`noonmarkctl keys sum` was not run afterwards");
    return true;
}

// Cuts the line into words, at single spaces.
static bool split(struct parser *p)
{
    const char *at = p->line.at, *end = at + p->line.len;
    p->n_words = 0;
    for (;;) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space != NULL ? space : end;
        if (stop == at || p->n_words == WORDS_MAX)
            return fault(p->error, stop == at ? "an empty line, or a space too many; remove it"
                                              : "too many words in a line");
        p->word[p->n_words++] = (struct word){at, (size_t)(stop - at)};
        if (space == NULL)
            return true;
        at = space + 1;
    }
}

// *end is set when the line is the last one.
static bool take_line(struct parser *p, bool *end)
{
    if (p->error->line == 1)
        return is(p->line, first_line) ||
               fault(p->error, "the first line is not `%s`: it is no such document", first_line);
    if (p->line.len > 0 && p->line.at[0] == '#')
        return true;
    if (!split(p))
        return false;
    if (is(p->word[0], "serial"))
        return serial_line(p);
    if (is(p->word[0], "rotate"))
        return rotate_line(p);
    if (is(p->word[0], "revoke"))
        return revoke_line(p);
    *end = is(p->word[0], "sum");
    return *end ? sum_line(p) : span_line(p);
}

static bool parse(struct parser *p)
{
    const char *at = p->text, *stop = p->text + p->len;
    bool end = false;

    if (p->len > FLEET_TEXT_MAX)
        return fault(p->error, "more than %d octets", FLEET_TEXT_MAX);
    while (!end) {
        p->error->line++;
        if (at == stop)
            return fault(p->error, p->len == 0 ? "the file is empty"
                                               : "there is no `sum` line: the file is cut off");
        const char *newline = memchr(at, '\n', (size_t)(stop - at));
        if (newline == NULL)
            return fault(p->error, "the line has no end: the file is cut off");
        p->line = (struct word){at, (size_t)(newline - at)};
        if (!take_line(p, &end))
            return false;
        at = newline + 1;
    }
    p->error->line = 0;
    return fleet_document_sound(p->document, p->error);
}

bool fleet_document_parse(const char *text, size_t len, struct fleet_document *document,
                          struct fleet_error *error)
{
    *document = (struct fleet_document){.rotate_s = FLEET_ROTATE_S};
    *error = (struct fleet_error){.line = 0};
    struct parser parser = {.text = text, .len = len, .document = document, .error = error};
    const bool good = parse(&parser);
    if (!good)
        bytes_wipe(document, sizeof *document);
    return good;
}

bool fleet_document_sound(const struct fleet_document *d, struct fleet_error *error)
{
    error->line = 0;
    if (d->serial == 0)
        return fault(error, "there is no `serial` line; write `serial 1`, and a higher number with "
                            "each change");
    if (d->rotate_s < 1 || d->rotate_s > FLEET_ROTATE_MAX_S)
        return fault(error, "`rotate` is out of its range");
    if (d->n_spans < 1 || d->n_spans > FLEET_SPANS_MAX || d->n_revoked > FLEET_REVOKED_MAX)
        return fault(error, "there is no span: no line FROM UNTIL SECRET");
    for (uint32_t i = 0; i < d->n_spans; i++)
        if (!span_fits(d, i, error))
            return false;
    if (fleet_period_last(d) < fleet_period_first(d))
        return fault(error, "the spans are shorter than a period: no key begins within them");
    return true;
}

size_t fleet_document_print(const struct fleet_document *d, char text[FLEET_TEXT_MAX])
{
    // The longest document: its lines fit.
    enum { LINE_MAX = 2 * FLEET_TIME_LEN + 2 * FLEET_SECRET_LEN + 1 };
    static_assert(256 + FLEET_SPANS_MAX * LINE_MAX + FLEET_REVOKED_MAX * 16 < FLEET_TEXT_MAX,
                  "every document fits");
    uint8_t sum[32] = {0};
    char word[FLEET_TIME_LEN];

    fleet_duration_print(d->rotate_s, word, sizeof word);
    size_t n = (size_t)snprintf(text, FLEET_TEXT_MAX, "%s\nserial %llu\nrotate %s\n", first_line,
                                (unsigned long long)d->serial, word);
    for (uint32_t i = 0; i < d->n_spans; i++) {
        n += fleet_time_print(d->span[i].from_s, text + n, FLEET_TIME_LEN);
        text[n++] = ' ';
        n += fleet_time_print(d->span[i].until_s, text + n, FLEET_TIME_LEN);
        text[n++] = ' ';
        print_hex(d->span[i].secret, FLEET_SECRET_LEN, text + n);
        n += 2 * FLEET_SECRET_LEN;
        text[n++] = '\n';
    }
    for (uint32_t i = 0; i < d->n_revoked; i++)
        n += (size_t)snprintf(text + n, FLEET_TEXT_MAX - n, "revoke %08x\n", d->revoked[i]);
    fleet_sum(text, n, sum);
    n += (size_t)snprintf(text + n, FLEET_TEXT_MAX - n, "sum ");
    print_hex(sum, sizeof sum, text + n);
    n += FLEET_SUM_LEN;
    text[n++] = '\n';
    return n;
}

void fleet_document_fingerprint(const struct fleet_document *d, char out[FLEET_FINGERPRINT_LEN])
{
    uint8_t octets[8 + FLEET_SPANS_MAX * (16 + FLEET_SECRET_LEN)], sum[32] = {0};
    size_t n = 8;

    be64_put(octets, d->rotate_s);
    for (uint32_t i = 0; i < d->n_spans; i++) {
        be64_put(octets + n, (uint64_t)d->span[i].from_s);
        be64_put(octets + n + 8, (uint64_t)d->span[i].until_s);
        memcpy(octets + n + 16, d->span[i].secret, FLEET_SECRET_LEN);
        n += 16 + FLEET_SECRET_LEN;
    }
    fleet_sum(octets, n, sum);
    bytes_wipe(octets, sizeof octets);
    print_hex(sum, FLEET_FINGERPRINT_LEN / 2, out);
    out[FLEET_FINGERPRINT_LEN - 1] = '\0';
}

enum fleet_end fleet_document_end(const struct fleet_document *d, int64_t utc_s)
{
    const int64_t left_s = d->span[d->n_spans - 1].until_s - utc_s;
    if (left_s <= 0)
        return FLEET_ENDED;
    if (left_s < DAY_S)
        return FLEET_END_DAY;
    return left_s < 7 * DAY_S ? FLEET_END_WEEK : FLEET_END_FAR;
}

bool fleet_document_revokes(const struct fleet_document *d, uint32_t id)
{
    for (uint32_t i = 0; i < d->n_revoked; i++)
        if (d->revoked[i] == id)
            return true;
    return false;
}
