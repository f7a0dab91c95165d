// HMAC and HKDF through OpenSSL's EVP interface.
#include "fleet/derive.h"

#include "base/bytes.h"
#include "fleet/time.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>

static char sha256[] = "SHA256"; // OpenSSL's parameters are not const
static const char id_label[] = "noonmark id";
static const char key_info[] = "noonmark cookie v1 AEAD 15";
static const char span_label[] = "noonmark fleet span";

int64_t fleet_period(const struct fleet_document *d, int64_t utc_s)
{
    return utc_s / d->rotate_s;
}

int64_t fleet_period_begins(const struct fleet_document *d, int64_t period)
{
    return period * d->rotate_s;
}

int64_t fleet_period_first(const struct fleet_document *d)
{
    return (d->span[0].from_s + d->rotate_s - 1) / d->rotate_s;
}

int64_t fleet_period_last(const struct fleet_document *d)
{
    return (d->span[d->n_spans - 1].until_s - 1) / d->rotate_s;
}

static const struct fleet_span *span_of(const struct fleet_document *d, int64_t period)
{
    const int64_t begins_s = fleet_period_begins(d, period);
    uint32_t i = 0;
    while (i + 1 < d->n_spans && d->span[i].until_s <= begins_s)
        i++;
    return &d->span[i];
}

static bool hkdf(const uint8_t *secret, size_t secret_len, const uint8_t *salt, size_t salt_len,
                 const char *info, size_t info_len, uint8_t out[FLEET_SECRET_LEN])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[5], *p = params;

    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
                                             secret_len);
    *p++ =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, info_len);
    // RFC 5869: without a salt, zeros are used.
    if (salt_len > 0)
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt,
                                                 salt_len);
    *p = OSSL_PARAM_construct_end();
    const bool good = context != NULL && EVP_KDF_derive(context, out, FLEET_SECRET_LEN, params) > 0;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return good;
}

bool fleet_derive_id(const struct fleet_document *d, int64_t period, uint32_t *id)
{
    enum { LABEL = sizeof id_label - 1, OWN = ((1 << FLEET_PERIOD_BITS) - 1) << 1 };
    uint8_t message[LABEL + 8], mac[32];
    size_t len = 0;

    memcpy(message, id_label, LABEL);
    be64_put(message + LABEL, (uint64_t)period);
    if (EVP_Q_mac(NULL, "HMAC", NULL, sha256, NULL, span_of(d, period)->secret, FLEET_SECRET_LEN,
                  message, sizeof message, mac, sizeof mac, &len) == NULL ||
        len != sizeof mac)
        return false;
    *id = (be32_get(mac) & ~(uint32_t)OWN) | ((uint32_t)period << 1 & OWN);
    return true;
}

bool fleet_derive_key(const struct fleet_document *d, int64_t period, struct fleet_key *key)
{
    uint8_t salt[8];
    be64_put(salt, (uint64_t)period);
    return fleet_derive_id(d, period, &key->id) &&
           hkdf(span_of(d, period)->secret, FLEET_SECRET_LEN, salt, sizeof salt, key_info,
                sizeof key_info - 1, key->secret);
}

bool fleet_derive_span(const uint8_t *root, size_t len, struct fleet_span *span)
{
    char from[FLEET_TIME_LEN], until[FLEET_TIME_LEN];
    char info[sizeof span_label + 2 * FLEET_TIME_LEN];

    fleet_time_print(span->from_s, from, sizeof from);
    fleet_time_print(span->until_s, until, sizeof until);
    const int n = snprintf(info, sizeof info, "%s %s %s", span_label, from, until);
    return hkdf(root, len, NULL, 0, info, (size_t)n, span->secret);
}

bool fleet_sum(const void *octets, size_t len, uint8_t sum[32])
{
    size_t sum_len = 0;
    return EVP_Q_digest(NULL, sha256, NULL, octets, len, sum, &sum_len) == 1 && sum_len == 32;
}
