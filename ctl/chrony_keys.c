// Reading chronyd's file of keys, a line at a time, and making one.
#include "ctl/chrony_keys.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

enum {
    COOKIE_AEAD = 15, // by whose keys cookies of ours are sealed
    WORDS_MAX = 3,
    KEYS_MIN = 2, // of a file: one that seals, and the future one
};

struct word {
    const char *at;
    size_t len;
};

struct line {
    struct word word[WORDS_MAX];
    unsigned n; // words; WORDS_MAX + 1: there are more
};

struct reader {
    const char *at, *end;
    unsigned number; // of the line
};

// Splits the next line into words. False at the end of the text.
static bool next(struct reader *reader, struct line *line)
{
    *line = (struct line){0};
    if (reader->at == reader->end)
        return false;
    reader->number++;
    const char *at = reader->at;
    const char *end = memchr(at, '\n', (size_t)(reader->end - at));
    reader->at = end != NULL ? end + 1 : reader->end;
    if (end == NULL)
        end = reader->end;
    while (at < end) {
        const char *word = at;
        while (at < end && *at != ' ')
            at++;
        if (at > word && line->n < WORDS_MAX)
            line->word[line->n] = (struct word){word, (size_t)(at - word)};
        line->n += at > word && line->n <= WORDS_MAX;
        at += at < end;
    }
    return true;
}

static bool is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool read_hex(struct word word, uint8_t *octets, size_t len)
{
    if (word.len != 2 * len)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        const int value = hex_digit(word.at[i]);
        if (value < 0)
            return false;
        octets[i / 2] = (uint8_t)(octets[i / 2] << 4 | value);
    }
    return true;
}

// A number of up to four digits.
static bool read_number(struct word word, unsigned *number)
{
    *number = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        *number = 10 * *number + (unsigned)(word.at[i] - '0');
    }
    return word.len > 0 && word.len <= 4;
}

// A key as the file has it.
struct found {
    struct chrony_key key;
    unsigned aead;
};

// aead: of all keys of the file; 0: each line has its own. NULL, or what is wrong.
static const char *read_key(const struct line *line, unsigned aead, struct found *found)
{
    uint8_t id[4];
    found->aead = aead;
    if (line->n != (aead == 0 ? 3 : 2))
        return aead == 0 ? "a line of a key has an id, the key and its AEAD"
                         : "a line of a key has an id and the key";
    if (!read_hex(line->word[0], id, sizeof id))
        return "an id has eight digits of hex";
    if (aead == 0 && !read_number(line->word[2], &found->aead))
        return "the AEAD is no number";
    found->key.id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    if (found->aead == COOKIE_AEAD &&
        !read_hex(line->word[1], found->key.secret, CHRONY_SECRET_LEN))
        return "a key of AEAD 15 has 64 digits of hex";
    return NULL;
}

// The first two lines. NULL with *aead set: that of all keys, or 0; or what is wrong.
static const char *read_head(struct reader *reader, unsigned *aead)
{
    struct line line;
    const bool there = next(reader, &line);
    const bool is_old = there && line.n == 1 && is(line.word[0], "NKS0");
    *aead = 0;
    if (!is_old && !(there && line.n == 1 && is(line.word[0], "NKS1")))
        return "this is no file of chronyd's keys that is known: its first line is NKS0 or NKS1";
    if (!next(reader, &line) || line.n != (is_old ? 2 : 1) ||
        (is_old && (!read_number(line.word[0], aead) || *aead == 0)))
        return is_old ? "the second line has the AEAD and an age" : "the second line has an age";
    return NULL;
}

// Puts the keys into the order of an import.
static const char *arrange(const struct found *found, uint32_t n, struct chrony_keys *keys)
{
    if (n < KEYS_MIN)
        return "the file ends here, and has less than two keys";
    if (found[n - 2].aead != COOKIE_AEAD)
        return "the key that seals, the last but one, is of another AEAD than 15: its cookies "
               "cannot be opened";
    for (uint32_t i = n - 1; i-- > 0;) {
        if (found[i].aead == COOKIE_AEAD)
            keys->key[keys->n++] = found[i].key;
        else
            keys->n_foreign++;
    }
    return NULL;
}

bool chrony_keys_read(const char *text, size_t len, struct chrony_keys *keys,
                      struct chrony_fault *fault)
{
    struct reader reader = {.at = text, .end = text + len};
    struct found found[COOKIE_KEYS_MAX];
    struct line line;
    unsigned aead;
    uint32_t n = 0;
    *keys = (struct chrony_keys){0};
    fault->what = read_head(&reader, &aead);
    while (fault->what == NULL && next(&reader, &line)) {
        if (n == COOKIE_KEYS_MAX)
            fault->what = "there are more keys than a server can have, 8";
        else
            fault->what = read_key(&line, aead, &found[n++]);
    }
    if (fault->what == NULL)
        fault->what = arrange(found, n, keys);
    explicit_bzero(found, sizeof found);
    fault->line = reader.number > 0 ? reader.number : 1; // of an empty file
    return fault->what == NULL;
}

uint32_t chrony_keys_id(uint32_t id, size_t index)
{
    return (id & ~(uint32_t)(CHRONY_FILE_KEYS - 1)) | (uint32_t)index;
}

static char *print_hex(char *at, const uint8_t *octets, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        *at++ = digits[octets[i] >> 4];
        *at++ = digits[octets[i] & 15];
    }
    return at;
}

size_t chrony_keys_print(const struct chrony_key key[CHRONY_FILE_KEYS], char text[CHRONY_TEXT_MAX])
{
    enum { LINE = 2 * 4 + 1 + 2 * CHRONY_SECRET_LEN + 1 };
    static const char head[] = "NKS0\n15 0.0\n"; // of an age of 0 s: chronyd rotates from now on
    static_assert(sizeof head + CHRONY_FILE_KEYS * LINE < CHRONY_TEXT_MAX, "the text fits");
    char *at = text + sizeof head - 1;
    memcpy(text, head, sizeof head - 1);
    for (size_t i = 0; i < CHRONY_FILE_KEYS; i++) {
        uint8_t id[4];
        be32_put(id, key[i].id);
        at = print_hex(at, id, sizeof id);
        *at++ = ' ';
        at = print_hex(at, key[i].secret, sizeof key[i].secret);
        *at++ = '\n';
    }
    return (size_t)(at - text);
}
