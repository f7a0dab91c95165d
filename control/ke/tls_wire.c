#include "control/ke/tls_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

// Fills out, and then `ahead`, which must be empty. Less than there was room for leaves the socket
// empty: epoll reports it when more comes, so that the system need not be asked again.
static ssize_t receive(struct tls_wire *wire, void *out, size_t len)
{
    const struct iovec rooms[] = {{out, len}, {wire->ahead, sizeof wire->ahead}};

    if (wire->empty) {
        errno = EAGAIN;
        return -1;
    }
    const ssize_t n = readv(wire->fd, rooms, 2);
    wire->ended |= n == 0;
    if (n <= 0)
        return n;
    const size_t all = (size_t)n, given = all < len ? all : len;
    wire->empty = all < len + sizeof wire->ahead;
    wire->received += (uint32_t)all;
    wire->at = 0;
    wire->len = (uint16_t)(all - given);
    if (client_hello_watch(&wire->hello, out, given) &&
        client_hello_watch(&wire->hello, wire->ahead, wire->len))
        return (ssize_t)given;
    wire->refused = true;
    errno = EAGAIN;
    return -1;
}

// What has been read ahead, or all that is there; within the budget.
static ssize_t read_ahead(struct tls_wire *wire, void *out, size_t len)
{
    if (tls_wire_spent(wire)) {
        errno = EAGAIN;
        return -1;
    }
    if (wire->at == wire->len)
        return receive(wire, out, len);
    const size_t there = wire->len - wire->at;
    const size_t n = len < there ? len : there;
    memcpy(out, wire->ahead + wire->at, n);
    wire->at = (uint16_t)(wire->at + n);
    return (ssize_t)n;
}

static int wire_read(BIO *bio, char *out, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = read_ahead(BIO_get_data(bio), out, (size_t)len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)n;
}

static int wire_write(BIO *bio, const char *octets, int len)
{
    struct tls_wire *wire = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    ssize_t n = send(wire->fd, octets, (size_t)len, MSG_NOSIGNAL | (wire->corked ? MSG_MORE : 0));
    wire->sent = true;
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
