// The texts of etcd's JSON gateway (`/v3/kv/range`, `/v3/kv/txn`, `/v3/auth/authenticate`): what is
// asked, and what an answer means. Written for etcd 3.4, 3.5 and 3.6, whose errors have different
// shapes. Numbers of 64 bits come as strings, fields that are 0 or false are absent, keys and
// values are base64. Pure, but for memory; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GATEWAY_VALUE_MAX = 65536,   // octets of a value that is believed
    GATEWAY_ANSWER_MAX = 131072, // octets of an answer; a longer one is refused
    GATEWAY_TOKEN_MAX = 4096,    // octets of a token, with its NUL: a JWT may be long
    GATEWAY_WHY_MAX = 256,
};

// Has jansson wipe what it frees (etcd/heap.h). Called once, before anything else here.
void gateway_begin(void);

// What became of a request.
enum gateway_result {
    GATEWAY_GOOD,
    GATEWAY_TOKEN,   // the token is missing, unknown or too old: authenticate, and ask again
    GATEWAY_REFUSED, // etcd understood, and will not: rights, a wrong password
    GATEWAY_AWAY,    // this member cannot now: no leader, no quorum, too busy. Ask another one
    GATEWAY_STRANGE, // no answer of etcd
    GATEWAY_RESULTS,
};

// The bodies of requests. Freed with free(); NULL: no memory.
// serializable: any member answers by itself, without a quorum, and what it says may be old: a
// member that is cut off from the others does not know. Else only one that has a quorum answers.
char *gateway_ask_range(const char *key, bool serializable);
// Writes the value if the key's revision is still mod_revision; 0: if the key is not there yet.
char *gateway_ask_txn(const char *key, int64_t mod_revision, const uint8_t *value, size_t len);
char *gateway_ask_token(const char *user, const char *password);

struct gateway_range {
    bool found;
    int64_t revision;     // of the whole store
    int64_t mod_revision; // of the key; 0 where it is not there
    size_t len;
    uint8_t value[GATEWAY_VALUE_MAX];
};

// Each reads the body of an answer with that HTTP status. Where the result is not GATEWAY_GOOD, why
// has a line for people: what etcd said, made printable.
enum gateway_result gateway_hear_range(long status, const char *body, size_t len, const char *key,
                                       struct gateway_range *range, char why[GATEWAY_WHY_MAX]);
// *written: false where another writer came first.
enum gateway_result gateway_hear_txn(long status, const char *body, size_t len, bool *written,
                                     char why[GATEWAY_WHY_MAX]);
enum gateway_result gateway_hear_token(long status, const char *body, size_t len,
                                       char token[GATEWAY_TOKEN_MAX], char why[GATEWAY_WHY_MAX]);
