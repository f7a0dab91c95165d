#include "tests/control/ke/make_pair.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct made_dates dates_good = {-3600, 90 * 86400L};

static const char server_names[] = "DNS:ke.test,IP:127.0.0.1,IP:::1";

static void need(int good)
{
    if (!good)
        abort();
}

static void add_extension(X509 *to, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    need(extension && X509_add_ext(to, extension, -1));
    X509_EXTENSION_free(extension);
}

X509 *certify(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
              struct made_dates dates)
{
    return certify_for(server_names, name, key, issuer, issuer_key, dates);
}

X509 *certify_for(const char *alt_names, const char *name, EVP_PKEY *key, X509 *issuer,
                  EVP_PKEY *issuer_key, struct made_dates dates)
{
    static long serial = 1;
    X509 *made = X509_new();
    need(made && X509_set_version(made, X509_VERSION_3));
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), dates.from_s);
    X509_gmtime_adj(X509_getm_notAfter(made), dates.to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(issuer ? issuer : made));
    X509_set_pubkey(made, key);
    if (issuer_key == key || strstr(name, "authority")) {
        add_extension(made, issuer ? issuer : made, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(made, issuer ? issuer : made, NID_key_usage, "critical,keyCertSign");
    } else {
        add_extension(made, issuer, NID_subject_alt_name, alt_names);
    }
    need(X509_sign(made, issuer_key, EVP_sha256()) > 0);
    return made;
}

static EVP_PKEY *key_make(enum made_key kind)
{
    EVP_PKEY *key = kind == MADE_RSA       ? EVP_RSA_gen(2048)
                    : kind == MADE_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                           : EVP_EC_gen(kind == MADE_P256 ? "P-256" : "P-384");
    need(key != NULL);
    return key;
}

struct authority authority_make(void)
{
    struct authority a = {.key = key_make(MADE_P256)};
    a.root = certify("root authority", a.key, NULL, a.key, dates_good);
    a.intermediate = certify("authority between", a.key, a.root, a.key, dates_good);
    return a;
}

void authority_free(struct authority *authority)
{
    X509_free(authority->root);
    X509_free(authority->intermediate);
    EVP_PKEY_free(authority->key);
}

int text_file(const char *text, size_t len)
{
    int fd = memfd_create("pem", MFD_CLOEXEC);
    need(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    return fd; // its offset stands at the end, as after a predecessor has read it
}

static int file_of(BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    int fd = text_file(text, (size_t)len);
    BIO_free(bio);
    return fd;
}

struct tls_pair pair_of(X509 *const *certificates, int n, EVP_PKEY *key)
{
    BIO *chain = BIO_new(BIO_s_mem());
    BIO *text = BIO_new(BIO_s_mem());
    need(chain && text && PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL));
    for (int i = 0; i < n; i++)
        need(PEM_write_bio_X509(chain, certificates[i]));
    return (struct tls_pair){"chain.pem", "key.pem", file_of(chain), file_of(text), NULL};
}

static struct tls_pair make(const struct authority *authority, enum made_key kind,
                            struct made_dates dates, const char *alt_names, const char *subject)
{
    EVP_PKEY *key = key_make(kind);
    X509 *leaf =
        certify_for(alt_names, subject, key, authority->intermediate, authority->key, dates);
    X509 *const chain[] = {leaf, authority->intermediate};
    struct tls_pair pair = pair_of(chain, 2, key);
    X509_free(leaf);
    EVP_PKEY_free(key);
    return pair;
}

struct tls_pair pair_make(const struct authority *authority, enum made_key kind,
                          struct made_dates dates)
{
    return make(authority, kind, dates, server_names, "leaf");
}

struct tls_pair pair_make_for(const struct authority *authority, enum made_key kind,
                              const char *alt_names, const char *subject)
{
    return make(authority, kind, dates_good, alt_names, subject);
}

void pair_close(struct tls_pair *pair)
{
    close(pair->chain_fd);
    close(pair->key_fd);
}
