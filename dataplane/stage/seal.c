// Laying out the sealed field.
#include "dataplane/stage/seal.h"

#include "crypto/bytes.h"

#include <stddef.h>

static_assert((int)EXCHANGE_LEAD == (int)FIELD_HEADER_LEN, "a cookie's lead is its field's header");
static_assert((int)EXCHANGE_NONCE_LEN == (int)SIV_NONCE_MAX,
              "a request makes room for the reply's nonce");
static_assert(COOKIE_LEN % 4 == 0, "a cookie fills its field");

uint8_t *seal_place(struct batch *batch, unsigned lane, unsigned n_cookies)
{
    uint32_t clear_len = batch->ntp_len[lane];
    uint32_t sealed_len = EXCHANGE_TAG_LEN + n_cookies * EXCHANGE_STRIDE;
    uint32_t body_len = AUTHENTICATOR_LENGTHS_LEN + EXCHANGE_NONCE_LEN + sealed_len;
    uint32_t whole_len = clear_len + FIELD_HEADER_LEN + body_len;
    if (whole_len > batch_request_len(batch, lane))
        return NULL;

    uint8_t *body = field_put(batch_reply(batch, lane) + clear_len, FIELD_AUTHENTICATOR, body_len);
    be16_put(body, EXCHANGE_NONCE_LEN);
    be16_put(body + 2, (uint16_t)sealed_len);

    batch->n_cookies[lane] = (uint8_t)n_cookies;
    batch->ntp_len[lane] = (uint16_t)whole_len;
    return body + AUTHENTICATOR_LENGTHS_LEN;
}
