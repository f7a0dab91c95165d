// One NTS-KE exchange for a test, valid or wrong in each layer: TCP, TLS, records. RFC 8915,
// section 4. Blocking sockets; one exchange at a time.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    KE_REQUEST_MAX = 1 << 20,
    KE_RESPONSE_MAX = 65536,
    KE_KEY_MAX = 64,
    KE_COOKIES_MAX = 64,
    KE_ALERTS_MAX = 8,
    KE_RECORDS_MAX = 64,
};

enum ke_after {
    KE_AFTER_WAIT,   // leave the write side open and read to the end
    KE_AFTER_NOTIFY, // close_notify at once, then read
    KE_AFTER_FIN,    // close_notify and shutdown(SHUT_WR), then read
    KE_AFTER_CLOSE,  // close without reading
    KE_AFTER_RESET,  // RST without reading
};

struct ke_plan {
    const char *address; // numeric
    uint16_t port;
    const char *name;   // server name indication and the name to verify; NULL: none
    const char *ca;     // trust anchor file; NULL: nothing is verified
    const char *alpn;   // comma-separated; "" none is offered
    int version_min;    // TLS1_VERSION ...; 0: the library's
    int version_max;    //
    const char *suites; // TLS 1.3 suites; NULL: the library's
    const char *groups; // NULL: the library's
    bool psk;           // offer a pre-shared key that nobody knows
    bool early;         // and send the request as early data under it
    unsigned mss;       // largest TCP segment that is sent; 0: the kernel\'s
    unsigned updates;   // key updates before the request
    const uint8_t *request;
    size_t request_len;
    size_t split;       // octets of the first TLS record; 0: as chunk says
    size_t chunk;       // octets a TLS record; 0: all in one
    unsigned chunk_ms;  // pause after each
    size_t stop_at;     // fall silent after so many octets of the request
    unsigned before_ms; // pause between connect and ClientHello
    unsigned wait_ms;   // pause between handshake and request
    unsigned read_ms;   // pause before reading
    unsigned timeout_ms;
    uint16_t aead; // of the exporter's context; 0: what the response says
    enum ke_after after;
};

struct ke_record {
    bool critical;
    uint16_t type;
    uint16_t len;
    const uint8_t *body; // inside result.response
};

struct ke_result {
    const char *failure; // "" or where it ended: "connect", "handshake", "read"
    char detail[256];
    char version[16];
    char suite[64];
    char group[32];
    char alpn[64];
    int alerts[KE_ALERTS_MAX]; // received, in order; 0 is close_notify
    unsigned n_alerts;
    unsigned tickets;
    bool resumed;
    bool certificate_asked; // the server wanted one of ours
    const char *early;      // "none", "rejected", "accepted"
    unsigned tls_records;   // application data records of the response
    size_t response_len;
    uint8_t response[KE_RESPONSE_MAX];
    bool well_formed; // records up to and with End of Message, nothing after
    unsigned n_records;
    struct ke_record record[KE_RECORDS_MAX];
    int error; // code of an Error record, -1: none
    int aead;  // -1: none
    unsigned n_cookies;
    const uint8_t *cookie[KE_COOKIES_MAX];
    uint16_t cookie_len[KE_COOKIES_MAX];
    char server[256]; // Server Negotiation, "" when absent
    uint16_t ntp_port;
    size_t key_len;
    uint8_t c2s[KE_KEY_MAX];
    uint8_t s2c[KE_KEY_MAX];
    const char *ended; // "close_notify+fin", "close_notify+rst", "fin", "rst", "open"
    double handshake_ms;
    double total_ms; // from connect to the end
};

// A correct plan: TLS 1.3, ntske/1, NTPv4 with AEAD 15, 10 s.
struct ke_plan ke_plan_plain(void);

// A numeric address and port. False when it is no address.
bool ke_address(const char *text, uint16_t port, struct sockaddr_storage *to, socklen_t *len);

void ke_run(const struct ke_plan *plan, struct ke_result *result);

// True when the exchange gave keys and cookies for AEAD 15 and nothing was wrong.
bool ke_succeeded(const struct ke_result *result);

// One JSON object and a newline.
void ke_print(FILE *out, const struct ke_result *result);
