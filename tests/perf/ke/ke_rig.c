#include "tests/perf/ke/ke_rig.h"

#include "base/bytes.h"
#include "crypto/cookie.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void ke_rig_open(struct ke_rig *rig, const struct ke_server_options *options)
{
    memset(rig, 0, sizeof *rig);
    ke_server_open(&rig->server, options);
    BIO *text = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_X509(text, rig->server.authority.root));
    char *at;
    long len = BIO_get_mem_data(text, &at);
    rig->ca = text_file(at, (size_t)len);
    BIO_free(text);
    snprintf(rig->ca_path, sizeof rig->ca_path, "/proc/self/fd/%d", rig->ca);
    rig->target = (struct ke_target){
        .server = "ke.test",
        .address = rig->server.address,
        .ca = rig->ca_path,
        .deadline_ns = 30000000000, // no test fails because the machine is busy
    };
}

void ke_rig_close(struct ke_rig *rig)
{
    ke_server_close(&rig->server);
    close(rig->ca);
}

int ke_rig_silent(struct sockaddr_storage *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof v4;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&v4, len) == 0 && listen(fd, 64) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&v4, &len), 0);
    memset(address, 0, sizeof *address);
    memcpy(address, &v4, sizeof v4);
    return fd;
}

void ke_rig_check_grant(const struct ke_rig *rig, const struct ke_grant *grant)
{
    assert_int_equal(grant->aead->id, 15);
    assert_int_equal(grant->aead->lengths->key, 32);
    assert_int_equal(grant->n_cookies, 8);
    assert_int_equal(grant->cookie_len, COOKIE_LEN);
    for (int i = 0; i < grant->n_cookies; i++) {
        uint8_t keys[COOKIE_KEYS_LEN];
        assert_int_equal(be32_get(grant->cookie[i]), rig->server.key.id);
        assert_true(cookie_open(&rig->server.key, grant->cookie[i], keys, COOKIE_KEYS_LEN));
        assert_memory_equal(keys, grant->c2s, 32);
        assert_memory_equal(keys + 32, grant->s2c, 32);
    }
}
