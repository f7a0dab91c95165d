// The key in etcd, read and written over whichever member answers: the next one after a failure, a
// wait that doubles for each that failed, a new token once where etcd asks for one. Blocks for up
// to POST_TIMEOUT_MS for each member, a read that no quorum answers twice as long. One thread at a
// time.
//
// A read asks for what a quorum knows, because a member that is cut off from the others would say
// the same for ever: a document that revokes a key would not arrive. Where no member has a quorum,
// nobody can write either, and what a member has by itself is good.
#pragma once

#include "base/bounds.h"
#include "etcd/gateway.h"
#include "etcd/post.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MEMBERS_RETRY_MS = 2000, // after a member's first failure
    MEMBERS_RETRY_MOST_MS = 32000,
};

// All texts outlive the members.
struct members_terms {
    uint32_t n_endpoints;                     // at least 1
    const char *endpoint[ETCD_ENDPOINTS_MAX]; // "https://etcd1.example:2379", no path
    const char *key;
    struct post_trust trust;
    const char *user; // "": none
    const char *password;
    bool hurried; // the first answer may be one of a member by itself
};

enum members_failure {
    MEMBERS_UNREACHED, // no answer: address, TLS, time
    MEMBERS_AWAY,      // GATEWAY_AWAY
    MEMBERS_REFUSED,   // GATEWAY_REFUSED, or a token that is refused
    MEMBERS_STRANGE,   // GATEWAY_STRANGE
    MEMBERS_FAILURES,
};

// Since members_open.
struct members_counts {
    uint64_t failed[MEMBERS_FAILURES]; // requests, each member by itself
};

struct members;

// NULL: no memory.
struct members *members_open(const struct members_terms *terms);

// True: *range is what a member says. False: none does, and why has a line about the last that was
// asked, or is empty where all of them are waited for. now_ns: monotonic.
bool members_read(struct members *members, uint64_t now_ns, struct gateway_range *range,
                  char why[GATEWAY_WHY_MAX]);

// Writes the value if the key's revision is mod_revision still (0: if it is not there). True: etcd
// has decided, *written tells how. False: as above; whether it was written is not known.
bool members_write(struct members *members, uint64_t now_ns, int64_t mod_revision,
                   const uint8_t *value, size_t len, bool *written, char why[GATEWAY_WHY_MAX]);

// The number of the member that answered last, and of failures up to now.
uint32_t members_endpoint(const struct members *members);
const struct members_counts *members_counts(const struct members *members);

// May be NULL.
void members_close(struct members *members);
