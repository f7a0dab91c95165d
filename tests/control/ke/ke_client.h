// A client of NTS-KE for tests, on blocking sockets over OpenSSL: unlike a normal client it can
// stop, pause and send malformed data at each step.
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// How a client offers itself; all zero is an honest client of TLS 1.3.
struct ke_client_options {
    const char *alpn;                      // wire format; NULL is ntske/1, "" none at all
    const char *suites;                    // of TLS 1.3
    const char *groups;                    //
    const char *signatures;                //
    int max_version;                       // and no version below it is left out
    X509 *root;                            // verify the server's chain and name against it
    int receive_buffer;                    // SO_RCVBUF
    bool nagle;                            // as the kernel has it: small writes wait for ACKs
    SSL_psk_use_session_cb_func offer_psk; // a session to resume
    const void *header;                    // what comes before TLS
    size_t header_len;
    const char *early; // early data to go with it
    size_t early_len;
};

struct ke_client {
    int fd;
    SSL_CTX *context;
    SSL *session;
    int alert;            // the last alert that the server has sent, or -1
    unsigned tickets;     // NewSessionTickets that came
    uint8_t exporter[64]; // exporter_master_secret, from the key log
    size_t exporter_len;
};

// A connected socket, on which a read waits for three seconds at most.
int ke_client_socket(const struct sockaddr_storage *to, int receive_buffer);

// Connects and shakes hands. False when that failed: see alert.
bool ke_client_open(struct ke_client *client, const struct sockaddr_storage *to,
                    const struct ke_client_options *options);
void ke_client_close(struct ke_client *client);

void ke_client_send(struct ke_client *client, const void *octets, size_t len);

enum ke_client_end {
    ENDED_BY_FIN,  // close_notify, then FIN
    ENDED_BADLY,   // no close_notify, or RST
    ENDED_BY_TIME, // nothing came any more
};

// Reads what the server sends until it ends. *first is the length of the first record.
enum ke_client_end ke_client_receive(struct ke_client *client, uint8_t *out, size_t room,
                                     size_t *len, size_t *first);
