// The tokens of pools: their file, and the comparison.
#include "base/secret.h"
#include "control/ke/ke_pool.h"
#include "control/ke/ke_record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 }; // octets

struct ke_tokens {
    uint32_t n;
    struct token {
        uint8_t octets[KE_TOKEN_MAX];
        uint8_t len;
    } token[KE_TOKENS_MAX];
    char text[FILE_MAX]; // the file, while it is read
};

__attribute__((format(printf, 5, 6))) static int wrong(const char *path, unsigned line, char *why,
                                                       size_t len, const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(why, len, "%s:%u: %s", path, line, text);
    return -EINVAL;
}

static bool is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

// A line without its end.
static int take(struct ke_tokens *made, const char *text, size_t len, const char *path,
                unsigned line, char *why, size_t room)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    if (len == 0 || text[0] == '#')
        return 0;
    if (!is_printable(text, len))
        return wrong(path, line, why, room,
                     "a token has printable ASCII characters without blanks; write one a line");
    if (len < KE_TOKEN_LEAST)
        return wrong(path, line, why, room,
                     "a token of less than %u characters can be guessed; take the pool's",
                     KE_TOKEN_LEAST);
    if (len > KE_TOKEN_MAX)
        return wrong(path, line, why, room, "a token has at most %u characters", KE_TOKEN_MAX);
    if (made->n == KE_TOKENS_MAX)
        return wrong(path, line, why, room, "a file has at most %u tokens; remove one",
                     KE_TOKENS_MAX);
    struct token *token = &made->token[made->n++];
    memcpy(token->octets, text, len);
    token->len = (uint8_t)len;
    return 0;
}

static int take_lines(struct ke_tokens *made, size_t len, const char *path, char *why, size_t room)
{
    int result = 0;
    unsigned line = 1;
    for (size_t at = 0; at < len && result == 0; line++) {
        const char *end = memchr(made->text + at, '\n', len - at);
        const size_t n = end == NULL ? len - at : (size_t)(end - made->text) - at;
        result = take(made, made->text + at, n, path, line, why, room);
        at += n + 1;
    }
    if (result == 0 && made->n == 0)
        return wrong(path, line, why, room, "there is no token; write one a line");
    return result;
}

int ke_tokens_read(int fd, const char *path, struct ke_tokens **tokens, char *why, size_t len)
{
    struct ke_tokens *made = secret_alloc(sizeof *made);
    int result = made == NULL ? -ENOMEM : 0;
    const ssize_t n = made == NULL ? 0 : pread(fd, made->text, sizeof made->text, 0);

    if (n < 0)
        result = -errno;
    if (result < 0)
        snprintf(why, len, "%s: cannot be read: %s", path, strerror(-result));
    else if (n == (ssize_t)sizeof made->text)
        result = wrong(path, 1, why, len, "is longer than %u octets; is it a file of tokens?",
                       FILE_MAX - 1);
    else
        result = take_lines(made, (size_t)n, path, why, len);
    if (result < 0) {
        ke_tokens_free(made);
        return result;
    }
    bytes_wipe(made->text, sizeof made->text);
    *tokens = made;
    return 0;
}

void ke_tokens_free(struct ke_tokens *tokens)
{
    if (tokens != NULL)
        secret_free(tokens, sizeof *tokens);
}

// Every token is compared, whole: the time tells neither which one it was nor where it differs. It
// tells which lengths there are, which are no secret.
static bool has(const struct ke_tokens *tokens, const struct ke_record *r)
{
    bool found = false;
    for (uint32_t i = 0; i < tokens->n; i++) {
        const struct token *token = &tokens->token[i];
        if (token->len == r->len)
            found |= bytes_equal_ct(token->octets, r->body, r->len);
    }
    return found;
}

enum ke_pool_identity ke_pool_identify(const struct ke_tokens *tokens, const uint8_t *request,
                                       size_t len)
{
    unsigned n = 0;
    bool genuine = true;

    for (size_t at = 0; tokens != NULL && at < len;) {
        const struct ke_record r = ke_record_at(request + at);
        at += KE_RECORD_HEADER + r.len;
        if (r.type != KE_AUTHENTICATION)
            continue;
        n++;
        genuine &= has(tokens, &r);
    }
    if (n == 0)
        return KE_FROM_ANYONE;
    return n == 1 && genuine ? KE_FROM_POOL : KE_FROM_IMPOSTOR;
}
