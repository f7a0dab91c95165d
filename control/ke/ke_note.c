#include "control/ke/ke_note.h"

#include "base/now.h"

#include <time.h>

static enum ke_group group_of(SSL *session)
{
    enum { X25519MLKEM768 = TLSEXT_nid_unknown | 0x11ec }; // OpenSSL has no name for it
    switch (SSL_get_negotiated_group(session)) {
    case NID_X25519:
        return KE_X25519;
    case NID_X9_62_prime256v1:
        return KE_P256;
    case X25519MLKEM768:
        return KE_HYBRID;
    default:
        return KE_OTHER_GROUP;
    }
}

static enum ke_suite suite_of(const SSL *session)
{
    switch (SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(session))) {
    case TLS1_3_CK_AES_128_GCM_SHA256 & 0xffff:
        return KE_AES_128_GCM;
    case TLS1_3_CK_AES_256_GCM_SHA384 & 0xffff:
        return KE_AES_256_GCM;
    case TLS1_3_CK_CHACHA20_POLY1305_SHA256 & 0xffff:
        return KE_CHACHA20;
    default:
        return KE_OTHER_SUITE;
    }
}

// The type of the signature tells that of the key.
static enum ke_key key_of(SSL *session)
{
    int type = NID_undef;
    SSL_get_signature_type_nid(session, &type);
    switch (type) {
    case EVP_PKEY_EC:
        return KE_EC;
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return KE_RSA;
    case EVP_PKEY_ED25519:
        return KE_ED25519;
    default:
        return KE_OTHER_KEY;
    }
}

void ke_note_handshake(struct ke_counters *counters, SSL *session, uint64_t ns)
{
    ke_count_one(&counters->group[group_of(session)]);
    ke_count_one(&counters->suite[suite_of(session)]);
    ke_count_one(&counters->key[key_of(session)]);
    ke_count_time(&counters->handshake, ns);
}

uint64_t ke_note_cpu(struct ke_counters *counters, uint64_t before)
{
    struct timespec t;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return before;
    const uint64_t now = (uint64_t)t.tv_sec * 1000 * NOW_NS_PER_MS + (uint64_t)t.tv_nsec;
    atomic_fetch_add_explicit(&counters->cpu_ns, now - before, memory_order_relaxed);
    return now;
}
