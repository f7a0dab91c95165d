// What a pool asks of a time source: its clients exchange keys with the pool, which has cookies
// sealed here for their keys. Records of draft-ietf-ntp-nts-keyexchange-pool-00, for those alone
// who send one of our tokens; for all others they are unknown records (RFC 8915, section 4).
//
// Pure, but for reading the tokens; any thread.
#pragma once

#include "control/ke/ke_records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KE_TOKENS_MAX = 16,
    KE_TOKEN_LEAST = 16, // octets: shorter ones can be guessed
    KE_TOKEN_MAX = 255,
};

// IANA's early numbers; 11 is not one of this version of the draft.
enum ke_pool_record {
    KE_KEEP_ALIVE = 8,
    KE_SUPPORTED_PROTOCOLS = 9,
    KE_SUPPORTED_AEADS = 10,
    KE_FIXED_KEY = 12,
    KE_SERVER_DENY = 13, // asks the pool for another server: nothing for us
    KE_AUTHENTICATION = 14,
};

// The tokens of a file, in memory of their own: secret_alloc.
struct ke_tokens;

// Reads a file of tokens, one a line; blank lines and those that begin with # are passed over. 0,
// or -errno with why: "PATH:LINE: what is wrong; what to do". The caller closes fd, whose offset
// does not matter.
int ke_tokens_read(int fd, const char *path, struct ke_tokens **tokens, char *why, size_t len);

// Wipes them. Takes NULL.
void ke_tokens_free(struct ke_tokens *tokens);

enum ke_pool_identity {
    KE_FROM_ANYONE,   // no token was sent
    KE_FROM_IMPOSTOR, // one that is not ours, or several
    KE_FROM_POOL,     // the request comes from a pool
};

// Who sends a request whose framing has ended. tokens may be NULL: nobody is a pool.
enum ke_pool_identity ke_pool_identify(const struct ke_tokens *tokens, const uint8_t *request,
                                       size_t len);

// A pool's request.
struct ke_pool_request {
    bool refused;        // the answer is only `error`
    enum ke_error error; // when refused
    bool keep_alive;     // the connection is to stay
    bool protocols;      // the lists of what we have are asked for
    bool aeads;
    const uint8_t *keys; // C2S | S2C inside the request; NULL: no cookies are asked for
    struct ke_negotiation negotiation; // when keys is not NULL
};

// Reads the request of a pool. With none of its members but keep_alive set, it is an ordinary
// exchange.
struct ke_pool_request ke_pool_read(const uint8_t *request, size_t len);

// Writes the response to a request for lists. Returns its length.
size_t ke_pool_lists_write(const struct ke_pool_request *request, uint8_t out[KE_RESPONSE_MAX]);

// Adds Keep-Alive to a response. Returns its new length.
size_t ke_pool_keep_write(uint8_t out[KE_RESPONSE_MAX], size_t len);
