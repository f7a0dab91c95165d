#include "tests/control/ke/ke_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static void see_alert(const SSL *session, int where, int what)
{
    struct ke_client *client = SSL_get_app_data(session);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        client->alert = what & 0xff;
}

static int see_ticket(SSL *session, SSL_SESSION *ticket)
{
    (void)ticket;
    struct ke_client *client = SSL_get_app_data(session);
    client->tickets++;
    return 0;
}

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

// A line is LABEL, client random and secret in hexadecimal.
static void see_secret(const SSL *session, const char *line)
{
    static const char label[] = "EXPORTER_SECRET ";
    struct ke_client *client = SSL_get_app_data(session);
    if (strncmp(line, label, sizeof label - 1) != 0)
        return;
    const char *hex = strrchr(line, ' ') + 1;
    client->exporter_len = strlen(hex) / 2;
    for (size_t i = 0; i < client->exporter_len; i++)
        client->exporter[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}

int ke_client_socket(const struct sockaddr_storage *to, int receive_buffer)
{
    const struct timeval patience = {.tv_sec = 30};
    const int on = 1;
    int fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (receive_buffer)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)to,
                to->ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                         : sizeof(struct sockaddr_in6)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void set_options(struct ke_client *client, const struct ke_client_options *options)
{
    SSL_CTX *context = client->context;
    // Old versions are offered too, as an old client would.
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, 0);
    SSL_CTX_set_max_proto_version(context, options->max_version);
    SSL_CTX_set_info_callback(context, see_alert);
    SSL_CTX_set_keylog_callback(context, see_secret);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, see_ticket);
    if (options->suites)
        SSL_CTX_set_ciphersuites(context, options->suites);
    if (options->groups)
        SSL_CTX_set1_groups_list(context, options->groups);
    if (options->signatures)
        SSL_CTX_set1_sigalgs_list(context, options->signatures);
    const char *alpn = options->alpn ? options->alpn : "\x07ntske/1";
    if (*alpn)
        SSL_CTX_set_alpn_protos(context, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    if (options->root) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), options->root);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(context), "ke.test", 0);
    }
}

bool ke_client_open(struct ke_client *client, const struct sockaddr_storage *to,
                    const struct ke_client_options *options)
{
    memset(client, 0, sizeof *client);
    client->alert = -1;
    client->fd = ke_client_socket(to, options->receive_buffer);
    client->context = SSL_CTX_new(TLS_client_method());
    const int no_delay = !options->nagle;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
    if (client->fd >= 0 && options->header)
        send(client->fd, options->header, options->header_len, MSG_NOSIGNAL);
    set_options(client, options);
    client->session = SSL_new(client->context);
    SSL_set_app_data(client->session, client);
    SSL_set_fd(client->session, client->fd);
    SSL_set_psk_use_session_callback(client->session, options->offer_psk);
    ERR_clear_error();
    size_t n;
    if (options->early)
        SSL_write_early_data(client->session, options->early, options->early_len, &n);
    return client->fd >= 0 && SSL_connect(client->session) == 1;
}

void ke_client_close(struct ke_client *client)
{
    SSL_free(client->session);
    SSL_CTX_free(client->context);
    if (client->fd >= 0)
        close(client->fd);
    ERR_clear_error();
}

void ke_client_send(struct ke_client *client, const void *octets, size_t len)
{
    ERR_clear_error();
    // A server that has ended the connection is seen by what it sent before.
    (void)SSL_write(client->session, octets, (int)len);
}

enum ke_client_end ke_client_receive(struct ke_client *client, uint8_t *out, size_t room,
                                     size_t *len, size_t *first)
{
    *len = 0;
    *first = 0;
    for (;;) {
        ERR_clear_error();
        int n = SSL_read(client->session, out + *len, (int)(room - *len));
        if (n > 0) {
            if (*first == 0)
                *first = (size_t)n;
            *len += (size_t)n;
            continue;
        }
        int error = SSL_get_error(client->session, n);
        if (error == SSL_ERROR_ZERO_RETURN)
            break;
        return error == SSL_ERROR_WANT_READ ? ENDED_BY_TIME : ENDED_BADLY;
    }
    char octet;
    return recv(client->fd, &octet, 1, 0) == 0 ? ENDED_BY_FIN : ENDED_BADLY;
}
