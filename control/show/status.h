// The control socket's server: answers `noonmarkctl` with what this server is doing ("status\n"),
// or with what became of a reload ("reload\n"), as one JSON object. A client connects, sends that
// one line, reads the answer to its end. A reload's answer comes from the supervisor by and by.
// Slow or silent clients hold up nothing: all descriptors are non-blocking, and a fifth client
// takes the place of the oldest of four.
//
// Belongs to control's main thread. Never shows secrets: of a key only its id, role and age.
#pragma once

#include "board/board.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct keys;
struct status;

// What an answer is made of; all of it outlives the struct status.
struct status_sources {
    const struct config *config;
    const struct board_control *control;
    const struct board_dataplane *dataplane;
    const struct keys *keys;
    const struct board_ke *ke;
    int link; // to the supervisor, for LINK_ASK_RELOAD; not closed here
};

// listen_fd is the listening Unix socket, which stays the caller's. 0 or -errno.
int status_open(int listen_fd, const struct status_sources *sources, struct status **status);

// One descriptor that is readable when status_turn has something to do: for the caller's epoll.
int status_fd(const struct status *status);

// Accepts, reads and answers what is waiting, without blocking. Returns when it is to be called
// again whatever the descriptor says: UINT64_MAX, but after accept has failed. now is now_ns().
uint64_t status_turn(struct status *status, uint64_t now);

// The reload that a client has asked for by this id has ended. text: of LINK_APPLIED or
// LINK_REFUSED.
void status_reloaded(struct status *status, uint32_t id, bool applied, const char *text);

void status_close(struct status *status);
