#include "control/ke/tls_choice.h"

#include "base/bounds.h"
#include "base/log.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>

// The contexts other than the one that it belongs to, and their names: those with most types of
// keys first, since a name may be in several.
struct choice {
    size_t n;
    struct {
        SSL_CTX *context; // owned; NULL: the one that the choice belongs to
        X509 *leaf;       // its names are the context's
        size_t types;     // of keys
    } of[CERTIFICATES_MAX];
};

static X509 *leaf_of(const struct tls_read *pair)
{
    return sk_X509_value(pair->chain, 0);
}

static bool holds_for_host(X509 *leaf, const char *name, size_t len)
{
    return X509_check_host(leaf, name, len, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

// Has the certificate this name, itself or under a wildcard? Other kinds of names do not matter to
// clients of NTS-KE.
static bool holds_for(X509 *leaf, const GENERAL_NAMES *own, const GENERAL_NAME *name)
{
    if (name->type != GEN_DNS && name->type != GEN_IPADD)
        return true;
    for (int i = 0; i < sk_GENERAL_NAME_num(own); i++)
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(own, i), (GENERAL_NAME *)name) == 0)
            return true;
    return name->type == GEN_DNS &&
           holds_for_host(leaf, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                          (size_t)ASN1_STRING_length(name->d.dNSName));
}

// Does a hold for all names of b? One without alternative names goes by its subject.
static bool covers(X509 *a, X509 *b)
{
    GENERAL_NAMES *in_a = X509_get_ext_d2i(a, NID_subject_alt_name, NULL, NULL);
    GENERAL_NAMES *in_b = X509_get_ext_d2i(b, NID_subject_alt_name, NULL, NULL);
    bool all =
        in_b != NULL || X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(in_b) && all; i++)
        all = holds_for(a, in_a, sk_GENERAL_NAME_value(in_b, i));
    GENERAL_NAMES_free(in_a);
    GENERAL_NAMES_free(in_b);
    ERR_clear_error();
    return all;
}

static bool same_names(const struct tls_read *a, const struct tls_read *b)
{
    return covers(leaf_of(a), leaf_of(b)) && covers(leaf_of(b), leaf_of(a));
}

static bool has_type(SSL_CTX *context, const EVP_PKEY *key)
{
    for (int more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT)) {
        const EVP_PKEY *other = SSL_CTX_get0_privatekey(context);
        if (other && EVP_PKEY_get_base_id(other) == EVP_PKEY_get_base_id(key))
            return true;
    }
    return false;
}

// Fills the context of a pair's names: with those for the same names, then for types of keys that
// are missing with those that hold for these names among others. The number of types; 0: failed.
static size_t fill(SSL_CTX *context, const struct tls_read *pairs, size_t n, size_t first)
{
    size_t types = 0;

    for (int among_others = 0; among_others < 2; among_others++) {
        for (size_t i = 0; i < n; i++) {
            if (has_type(context, pairs[i].key) ||
                !(among_others ? covers(leaf_of(&pairs[i]), leaf_of(&pairs[first]))
                               : same_names(&pairs[i], &pairs[first])))
                continue;
            if (tls_read_put(&pairs[i], context) != 0)
                return 0;
            types++;
        }
    }
    return types;
}

// The place of the first pair with the names of this one.
static size_t first_of(const struct tls_read *pairs, size_t i)
{
    size_t first = 0;

    while (first < i && !same_names(&pairs[first], &pairs[i]))
        first++;
    return first;
}

// OpenSSL keeps one of each type in a context.
static bool all_can_be_chosen(const struct tls_read *pairs, size_t n)
{
    bool good = true;

    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (EVP_PKEY_get_base_id(pairs[i].key) == EVP_PKEY_get_base_id(pairs[j].key) &&
                same_names(&pairs[i], &pairs[j])) {
                log_error("%s: an earlier pair has a key of the same type for the same names; "
                          "remove one of them",
                          pairs[i].name);
                good = false;
            }
    return good;
}

static void choice_free(struct choice *choice)
{
    for (size_t i = 0; choice != NULL && i < choice->n; i++) {
        SSL_CTX_free(choice->of[i].context);
        X509_free(choice->of[i].leaf);
    }
    free(choice);
}

// OpenSSL calls it with the context's own value.
static void free_with_context(void *parent, void *choice, CRYPTO_EX_DATA *data, int index, long n,
                              void *unused)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)n;
    (void)unused;
    choice_free(choice);
}

static int choose(SSL *session, int *alert, void *given)
{
    const struct choice *choice = given;
    const char *name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);

    for (size_t i = 0; name != NULL && i < choice->n; i++) {
        if (!holds_for_host(choice->of[i].leaf, name, 0))
            continue;
        if (choice->of[i].context == NULL || SSL_set_SSL_CTX(session, choice->of[i].context))
            return SSL_TLSEXT_ERR_OK;
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_NOACK; // the first pair's; who asked for another name will see that
}

// Behind those with as many types.
static void add(struct choice *choice, SSL_CTX *context, X509 *leaf, size_t types)
{
    size_t at = choice->n++;

    for (; at > 0 && choice->of[at - 1].types < types; at--)
        choice->of[at] = choice->of[at - 1];
    X509_up_ref(leaf);
    choice->of[at].context = context;
    choice->of[at].leaf = leaf;
    choice->of[at].types = types;
}

// False: failed, logged.
static bool add_others(struct choice *choice, const struct tls_read *pairs, size_t n,
                       tls_choice_context *make)
{
    for (size_t i = 1; i < n; i++) {
        if (first_of(pairs, i) != i)
            continue;
        SSL_CTX *context = make();
        const size_t types = context == NULL ? 0 : fill(context, pairs, n, i);
        if (types == 0) {
            SSL_CTX_free(context);
            return false;
        }
        add(choice, context, leaf_of(&pairs[i]), types);
    }
    return true;
}

// The context owns the choice from then on.
static bool give(SSL_CTX *context, struct choice *choice)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_with_context);
    if (index < 0 || !SSL_CTX_set_ex_data(context, index, choice))
        return false;
    SSL_CTX_set_tlsext_servername_callback(context, choose);
    SSL_CTX_set_tlsext_servername_arg(context, choice);
    return true;
}

bool tls_choice_put(SSL_CTX *context, const struct tls_read *pairs, size_t n,
                    tls_choice_context *make)
{
    if (n == 0)
        return true;
    struct choice *choice = calloc(1, sizeof *choice);
    if (choice == NULL || !all_can_be_chosen(pairs, n))
        goto fail;
    const size_t types = fill(context, pairs, n, 0);
    if (types == 0)
        goto fail;
    add(choice, NULL, leaf_of(&pairs[0]), types);
    if (!add_others(choice, pairs, n, make))
        goto fail;
    if (choice->n < 2)
        choice_free(choice);
    else if (!give(context, choice))
        goto fail;
    return true;
fail:
    choice_free(choice);
    return false;
}
