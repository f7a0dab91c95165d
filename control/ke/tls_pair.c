#include "control/ke/tls_pair.h"

#include "base/log.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024 };

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "no reason given";
}

// The whole file as a BIO over text, which the caller wipes and frees after the BIO. Replacing the
// file at the same time does no harm: the descriptor still refers to the old file.
static BIO *text_of(int fd, const char *name, char **text, size_t *len)
{
    char *room = malloc(FILE_MAX);
    if (!room)
        return NULL;
    size_t have = 0;
    ssize_t n = 1;
    while (n > 0 && have < FILE_MAX) {
        n = pread(fd, room + have, FILE_MAX - have, (off_t)have);
        if (n > 0)
            have += (size_t)n;
    }
    BIO *bio = NULL;
    if (n < 0)
        log_error("%s: cannot be read: %s", name, strerror(errno));
    else if (have == FILE_MAX)
        log_error("%s: is longer than %d octets; is it a PEM file?", name, FILE_MAX);
    else
        bio = BIO_new_mem_buf(room, (int)have);
    if (!bio) {
        OPENSSL_cleanse(room, have);
        free(room);
        return NULL;
    }
    *text = room;
    *len = have;
    return bio;
}

static void text_free(BIO *bio, char *text, size_t len)
{
    BIO_free(bio);
    OPENSSL_cleanse(text, len);
    free(text);
}

// No passphrase can be requested for an encrypted key: nobody is there to type it.
static int no_passphrase(char *out, int size, int writing, void *context)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

static EVP_PKEY *read_key(const struct tls_pair *pair)
{
    char *text;
    size_t len;
    BIO *bio = text_of(pair->key_fd, pair->key, &text, &len);
    if (!bio)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    if (!key)
        log_error("%s: holds no private key in PEM without a passphrase (%s)", pair->key, reason());
    text_free(bio, text, len);
    return key;
}

// The certificates in the order of the file, the server's own first.
static STACK_OF(X509) * read_chain(const struct tls_pair *pair)
{
    char *text;
    size_t len;
    BIO *bio = text_of(pair->chain_fd, pair->chain, &text, &len);
    if (!bio)
        return NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *certificate = NULL;
    while (chain && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        if (!sk_X509_push(chain, certificate))
            break;
    unsigned long last = ERR_peek_last_error();
    bool whole = !certificate && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (!chain || !whole || sk_X509_num(chain) == 0) {
        log_error("%s: holds no certificate chain in PEM (%s)", pair->chain, reason());
        X509_free(certificate);
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    ERR_clear_error();
    text_free(bio, text, len);
    return chain;
}

static void show(const struct tls_read *read, struct board_certificate *shown)
{
    const char *type = EVP_PKEY_get0_type_name(read->key);
    shown->expires_s = tls_chain_expires(read->chain);
    tls_chain_subject(sk_X509_value(read->chain, 0), shown->subject, sizeof shown->subject);
    snprintf(shown->key, sizeof shown->key, "%s, %d bits", type ? type : "unknown",
             EVP_PKEY_get_bits(read->key));
}

int tls_pair_read(const struct tls_pair *pair, enum tls_dates dates, struct tls_read *read)
{
    struct tls_read made = {.name = pair->chain,
                            .chain = read_chain(pair),
                            .key = read_key(pair)}; // in any case: both faults are told
    bool good = made.chain != NULL && made.key != NULL;

    if (good && X509_check_private_key(sk_X509_value(made.chain, 0), made.key) != 1) {
        log_error("%s: is not the key of the first certificate in %s", pair->key, pair->chain);
        good = false;
    }
    good = good && tls_chain_judge(pair->chain, made.chain, dates);
    ERR_clear_error();
    if (!good) {
        tls_read_free(&made);
        return -EINVAL;
    }
    if (pair->shown)
        show(&made, pair->shown);
    *read = made;
    return 0;
}

int tls_read_put(const struct tls_read *read, SSL_CTX *context)
{
    int result = 0;

    ERR_clear_error();
    if (SSL_CTX_use_certificate(context, sk_X509_value(read->chain, 0)) != 1 ||
        SSL_CTX_use_PrivateKey(context, read->key) != 1) {
        log_error("%s: cannot be used: %s", read->name, reason());
        result = -EINVAL;
    }
    for (int i = 1; result == 0 && i < sk_X509_num(read->chain); i++) {
        if (SSL_CTX_add1_chain_cert(context, sk_X509_value(read->chain, i)) != 1) {
            log_error("%s: certificate %d cannot be used: %s", read->name, i + 1, reason());
            result = -EINVAL;
        }
    }
    ERR_clear_error();
    return result;
}

void tls_read_free(struct tls_read *read)
{
    EVP_PKEY_free(read->key);
    sk_X509_pop_free(read->chain, X509_free);
    *read = (struct tls_read){0};
}
