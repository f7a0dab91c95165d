#include "control/ke/tls_wire.h"

#include <errno.h>
#include <sys/socket.h>

static int wire_read(BIO *bio, char *out, int len)
{
    struct tls_wire *wire = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (tls_wire_spent(wire)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    ssize_t n = recv(wire->fd, out, (size_t)len, 0);
    if (n > 0) {
        wire->received += (uint32_t)n;
        if (client_hello_watch(&wire->hello, (const uint8_t *)out, (size_t)n))
            return (int)n;
        wire->refused = true;
        BIO_set_retry_read(bio);
        return -1;
    }
    if (n == 0)
        wire->ended = true;
    else if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_read(bio);
    return (int)n;
}

static int wire_write(BIO *bio, const char *octets, int len)
{
    struct tls_wire *wire = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    ssize_t n = send(wire->fd, octets, (size_t)len, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)n;
}

static long wire_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_wire *wire = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH)
        return 1;
    if (command == BIO_CTRL_EOF)
        return wire->ended;
    return 0;
}

BIO_METHOD *tls_wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (method && BIO_meth_set_read(method, wire_read) && BIO_meth_set_write(method, wire_write) &&
        BIO_meth_set_ctrl(method, wire_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

BIO *tls_wire_bio(const BIO_METHOD *method, struct tls_wire *wire)
{
    BIO *bio = BIO_new(method);
    if (bio) {
        BIO_set_data(bio, wire);
        BIO_set_init(bio, 1);
    }
    return bio;
}
