// One request over HTTP or HTTPS: libcurl, bounded in time and size. It follows no redirect, uses
// no proxy and no file of the environment, and speaks TLS 1.2 or later with a server that it knows
// by its certificate. It blocks up to POST_TIMEOUT_MS: it belongs to a thread that nobody waits
// for.
#pragma once

#include "etcd/gateway.h"

#include <stdbool.h>
#include <stddef.h>

enum { POST_CONNECT_MS = 1500, POST_TIMEOUT_MS = 3000 };

// Of TLS. Each may be "": the system's certificates, no certificate of our own. The files are read
// again for each new connection, so that a renewed certificate needs no restart.
struct post_trust {
    const char *ca;
    const char *cert;
    const char *cert_key;
};

struct post_answer {
    long status; // HTTP's
    size_t len;
    bool too_long;
    char body[GATEWAY_ANSWER_MAX];
};

struct post;

// For all of the process, before it is confined and before other threads: TLS and the resolver load
// what they need. 0 or -errno.
int post_begin(void);

// trust and what it points to outlive the result. NULL: no memory.
struct post *post_open(const struct post_trust *trust);

// Sends body as JSON; token: of the header Authorization, or "". False with a line in why: there is
// no answer.
bool post_send(struct post *post, const char *url, const char *token, const char *body,
               struct post_answer *answer, char why[GATEWAY_WHY_MAX]);

// May be NULL.
void post_close(struct post *post);
