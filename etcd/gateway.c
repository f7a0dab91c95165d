// jansson reads and writes the texts. What etcd says is judged here field by field: a member may be
// broken, or be no etcd at all.
#include "etcd/gateway.h"

#include "base/bytes.h"
#include "base/printable.h"
#include "etcd/base64.h"
#include "etcd/heap.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The codes of gRPC that etcd's errors have.
enum {
    CODE_UNKNOWN = 2,
    CODE_INVALID = 3,
    CODE_DEADLINE = 4,
    CODE_EXHAUSTED = 8,
    CODE_ABORTED = 10,
    CODE_UNAVAILABLE = 14,
    CODE_UNAUTHENTICATED = 16,
    HTTP_OK = 200,
    HTTP_UNAUTHORIZED = 401,
    HTTP_SERVER_ERROR = 500,
};

void gateway_begin(void)
{
    json_set_alloc_funcs(malloc, heap_free);
}

// The base64 of some octets as a JSON string, or NULL.
static json_t *octets(const uint8_t *at, size_t len)
{
    char *text = malloc(BASE64_ROOM(len));
    json_t *made = NULL;

    if (text != NULL) {
        base64_encode(at, len, text);
        made = json_string(text);
    }
    free(text);
    return made;
}

static json_t *name_of(const char *key)
{
    return octets((const uint8_t *)key, strlen(key));
}

// Writes the object as text, and frees it. NULL where it is.
static char *text_of(json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

char *gateway_ask_range(const char *key, bool serializable)
{
    return text_of(json_pack("{s:o,s:b}", "key", name_of(key), "serializable", serializable));
}

char *gateway_ask_txn(const char *key, int64_t mod_revision, const uint8_t *value, size_t len)
{
    char revision[32];

    snprintf(revision, sizeof revision, "%lld", (long long)mod_revision);
    return text_of(json_pack("{s:[{s:o,s:s,s:s,s:s}],s:[{s:{s:o,s:o}}]}", "compare", "key",
                             name_of(key), "target", "MOD", "result", "EQUAL", "mod_revision",
                             revision, "success", "request_put", "key", name_of(key), "value",
                             octets(value, len)));
}

char *gateway_ask_token(const char *user, const char *password)
{
    return text_of(json_pack("{s:s,s:s}", "name", user, "password", password));
}

static enum gateway_result strange(char why[GATEWAY_WHY_MAX], const char *what)
{
    snprintf(why, GATEWAY_WHY_MAX, "%s", what);
    return GATEWAY_STRANGE;
}

// A number of 64 bits: a string of digits, or a JSON number. Absent: 0. False: neither.
static bool number(const json_t *object, const char *name, int64_t *out)
{
    const json_t *at = json_object_get(object, name);

    if (at == NULL || json_is_integer(at)) {
        *out = json_integer_value(at);
        return *out >= 0;
    }
    const char *text = json_string_value(at);
    if (text == NULL || text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return errno == 0;
}

static bool is_one_of(const char *message, const char *const *some)
{
    for (; *some != NULL; some++)
        if (strstr(message, *some) != NULL)
            return true;
    return false;
}

// The message decides where etcd's code is too coarse: "user name is empty" is how it says that a
// token is missing, with the code of a bad request. Tokens end, and a change of any user makes all
// of them too old.
static enum gateway_result result_of(long status, int64_t code, const char *message)
{
    static const char *const token[] = {"invalid auth token", "revision of auth store is old",
                                        "user name is empty", "invalid auth revision", NULL};
    static const char *const away[] = {
        "leader",         "timed out",   "too many requests", "unhealthy",
        "server stopped", "not capable", "corrupt",           NULL};

    if (status == HTTP_UNAUTHORIZED || code == CODE_UNAUTHENTICATED || is_one_of(message, token))
        return GATEWAY_TOKEN;
    if (code == CODE_UNAVAILABLE || code == CODE_DEADLINE || code == CODE_EXHAUSTED ||
        code == CODE_ABORTED || is_one_of(message, away))
        return GATEWAY_AWAY;
    return code == CODE_UNKNOWN && status >= HTTP_SERVER_ERROR ? GATEWAY_AWAY : GATEWAY_REFUSED;
}

// 3.4 and 3.5: {"error", "code", "message"}. 3.6: {"code", "message", "details"}.
static enum gateway_result hear_error(long status, const json_t *root, char why[GATEWAY_WHY_MAX])
{
    const char *message = json_string_value(json_object_get(root, "message"));
    int64_t code;

    if (message == NULL)
        message = json_string_value(json_object_get(root, "error"));
    if (message == NULL || !number(root, "code", &code)) {
        snprintf(why, GATEWAY_WHY_MAX, "HTTP status %ld without an error of etcd", status);
        return status == HTTP_UNAUTHORIZED ? GATEWAY_TOKEN : GATEWAY_STRANGE;
    }
    snprintf(why, GATEWAY_WHY_MAX, "%s", message);
    printable(why, strlen(why));
    return result_of(status, code, message);
}

// GATEWAY_GOOD with *root to be freed.
static enum gateway_result parse(long status, const char *body, size_t len, json_t **root,
                                 char why[GATEWAY_WHY_MAX])
{
    json_t *made = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    enum gateway_result result = GATEWAY_GOOD;

    if (status != HTTP_OK)
        result = hear_error(status, made, why);
    else if (!json_is_object(made))
        result = strange(why, "the answer is no JSON object");
    else if (json_object_get(made, "error") != NULL)
        result = hear_error(status, made, why);
    else if (!json_is_object(json_object_get(made, "header")))
        result = strange(why, "the answer has no header of etcd's");
    if (result == GATEWAY_GOOD)
        *root = made;
    else
        json_decref(made);
    return result;
}

// The one pair of the answer, which must be the key that was asked for.
static enum gateway_result hear_pair(const json_t *pair, const char *key,
                                     struct gateway_range *range, char why[GATEWAY_WHY_MAX])
{
    char name[BASE64_ROOM(4096)];
    const char *got = json_string_value(json_object_get(pair, "key"));
    const json_t *value = json_object_get(pair, "value");

    if (strlen(key) > 4096)
        return strange(why, "the key's name is too long");
    base64_encode((const uint8_t *)key, strlen(key), name);
    if (got == NULL || strcmp(got, name) != 0)
        return strange(why, "the answer is about another key");
    if (!number(pair, "mod_revision", &range->mod_revision) || range->mod_revision == 0)
        return strange(why, "the key has no revision");
    const char *text = value == NULL ? "" : json_string_value(value);
    const ssize_t len = text == NULL ? -1 : base64_decode(text, range->value, sizeof range->value);
    if (len < 0)
        return strange(why, "the value is no base64, or too long");
    range->len = (size_t)len;
    range->found = true;
    return GATEWAY_GOOD;
}

enum gateway_result gateway_hear_range(long status, const char *body, size_t len, const char *key,
                                       struct gateway_range *range, char why[GATEWAY_WHY_MAX])
{
    json_t *root = NULL;
    enum gateway_result result = parse(status, body, len, &root, why);

    if (result != GATEWAY_GOOD)
        return result;
    range->found = false;
    range->len = 0;
    range->mod_revision = 0;
    const json_t *pairs = json_object_get(root, "kvs");
    if (!number(json_object_get(root, "header"), "revision", &range->revision))
        result = strange(why, "the header's revision is no number");
    else if (pairs != NULL && !json_is_array(pairs))
        result = strange(why, "kvs is no array");
    else if (json_array_size(pairs) > 1)
        result = strange(why, "the answer has several keys");
    else if (json_array_size(pairs) == 1)
        result = hear_pair(json_array_get(pairs, 0), key, range, why);
    json_decref(root);
    return result;
}

enum gateway_result gateway_hear_txn(long status, const char *body, size_t len, bool *written,
                                     char why[GATEWAY_WHY_MAX])
{
    json_t *root = NULL;
    enum gateway_result result = parse(status, body, len, &root, why);

    if (result != GATEWAY_GOOD)
        return result;
    const json_t *succeeded = json_object_get(root, "succeeded"); // absent: false
    if (succeeded != NULL && !json_is_boolean(succeeded))
        result = strange(why, "succeeded is neither true nor false");
    else
        *written = json_is_true(succeeded);
    json_decref(root);
    return result;
}

enum gateway_result gateway_hear_token(long status, const char *body, size_t len,
                                       char token[GATEWAY_TOKEN_MAX], char why[GATEWAY_WHY_MAX])
{
    json_t *root = NULL;
    enum gateway_result result = parse(status, body, len, &root, why);

    if (result != GATEWAY_GOOD)
        return result;
    const char *text = json_string_value(json_object_get(root, "token"));
    const size_t n = text == NULL ? 0 : strlen(text);
    // It becomes a line of a header.
    bool plain = n > 0 && n < GATEWAY_TOKEN_MAX;
    for (size_t i = 0; plain && i < n; i++)
        plain = text[i] > ' ' && text[i] < 0x7f;
    if (plain)
        memcpy(token, text, n + 1);
    else
        result = strange(why, "the token is missing, too long, or has odd octets");
    json_decref(root);
    return result;
}
