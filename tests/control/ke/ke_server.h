// The real loops on loopback, for tests: certificates made anew, cookie keys of a test's choosing.
#pragma once

#include "board/snapshot.h"
#include "control/ke/ke.h"
#include "crypto/cookie_key.h"
#include "tests/control/ke/make_pair.h"

#include <sys/socket.h>

struct ke_server {
    struct authority authority;
    struct tls *tls;
    struct ke *ke;
    struct snapshot ring;
    struct ke_counters counters;
    struct cookie_key key; // under which it seals
    int listener[2];
    size_t n_listeners;
    struct sockaddr_storage address; // 127.0.0.1
    struct sockaddr_storage address6;
};

// What a test may choose; 0 is the default.
struct ke_server_options {
    uint32_t deadline_ms; // 3000
    uint32_t max_connections;
    uint32_t threads; // 2
    const char *ntp_server;
    uint16_t udp_port;                // 123
    int no_keys;                      // nothing is published
    const struct prefixes *sources;   // NULL: all
    const struct prefixes *balancers; // NULL: none
    struct ke_shares shares;          // none
    const struct ke_tokens *tokens;   // NULL: no pool
    uint32_t kept_most, idle_ms;
};

void ke_server_open(struct ke_server *server, const struct ke_server_options *options);
void ke_server_close(struct ke_server *server);

// Waits until a counter, or the number of open connections, has come to n; three seconds at most.
void ke_server_await(const struct ke_server *server, enum ke_counter which, uint64_t n);
void ke_server_await_open(const struct ke_server *server, uint32_t n);

// Every accepted connection has ended in exactly one counter.
void ke_server_check_sums(const struct ke_server *server);
