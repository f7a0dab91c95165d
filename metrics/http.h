// The HTTP server of the metrics: libmicrohttpd without threads of its own, over a listening socket
// that the supervisor has opened. One request a connection; GET and HEAD, no body; so many
// connections and no more, each with a deadline that a client cannot put off. Never waits.
//
// Belongs to the main thread of the metrics' process.
#pragma once

#include "metrics/exposition.h"

#include <stdint.h>

enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_CONNECTIONS_AN_ADDRESS = 16,
    HTTP_DEADLINE_MS = 10000, // from the connection to the end of its answer
    HTTP_FRESH_MS = 100,      // a text of the metrics is made at most so often
};

struct http;

// listen_fd stays the caller's. sources and counters outlive it. 0 or -errno, logged.
int http_open(int listen_fd, const struct exposition_sources *sources,
              struct board_metrics *counters, struct http **http);

// A descriptor that is readable when http_turn has something to do: for the caller's epoll.
int http_fd(const struct http *http);

// Does what is waiting. Returns when it is to be called again whatever the descriptor says, at the
// latest. now_ns is CLOCK_MONOTONIC.
uint64_t http_turn(struct http *http, uint64_t now_ns);

// The listening socket goes on listening. http may be NULL.
void http_close(struct http *http);
