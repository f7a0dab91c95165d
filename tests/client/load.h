// Many NTS clients at a steady rate from kernel sockets, every reply verified: each client has its
// own keys and spends each cookie once, as RFC 8915, section 5.7 asks. Goes on through silence, so
// that a restart of the server shows as a gap. One thread.
#pragma once

#include "tests/client/reply.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    LOAD_CLIENTS_MAX = 20000,
    LOAD_RATE_MAX = 20000,
    LOAD_SECONDS_MAX = 120,
    LOAD_SOCKETS_MAX = 64,
    LOAD_JAR = 8,
    LOAD_COOKIE_MAX = 128,
    LOAD_KEYS_MAX = 256,
};

struct load_client {
    uint8_t c2s[SEAL_KEY_LEN];
    uint8_t s2c[SEAL_KEY_LEN];
    size_t cookie_len;
    unsigned n_cookies;
    uint8_t jar[LOAD_JAR][LOAD_COOKIE_MAX];
    uint8_t spent[LOAD_COOKIE_MAX]; // the last one: used again when the jar is empty
};

struct load_plan {
    struct sockaddr_storage server;
    socklen_t server_len;
    unsigned n_sockets;
    unsigned rate; // requests a second
    double seconds;
    unsigned late_ms;   // an answer after that is counted as late, too
    unsigned linger_ms; // how long to wait for answers at the end
    bool progress;      // a line a second to stderr
    unsigned n_clients;
    struct load_client *client;
    const volatile sig_atomic_t *stop; // other than 0: no more requests
};

struct load_report {
    uint64_t sent, answered, verified, nak, kiss, plain, wrong, late, lost, stray;
    uint64_t reused;    // requests for which the jar was empty
    uint64_t unsent;    // the kernel would not take them
    uint64_t refused;   // ICMP errors seen
    uint64_t own_drops; // replies that the kernel dropped at our own sockets
    uint64_t cookies;   // received
    const char *why;    // of the first wrong one
    double seconds;     // from the first to the last request
    double gap_ms;      // the longest time between two verified replies
    double gap_at_s;    // when it began
    unsigned n_keys;    // distinct key ids seen in cookies
    uint32_t key[LOAD_KEYS_MAX];
    uint32_t median_us, p99_us, max_us;
};

// 0 or -errno. why is a static text.
int load_run(const struct load_plan *plan, struct load_report *report);
