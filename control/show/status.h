// The control socket's server: answers `noonmarkctl` with what it asks for ("status\n", "clock\n":
// status_report.c has them all), with the result of a reload ("reload\n") or of a change of the
// keys
// ("keys rotate\n" and others: keys_request.h), as one JSON object. A client
// connects, sends that one line, and reads the answer to its end. A reload's answer comes from the
// supervisor later, a change's once it is durable and published. Slow or silent clients block
// nothing: all descriptors are non-blocking, and a fifth client takes the place of the oldest of
// four.
//
// Belongs to control's main thread. Never shows secrets: only id, role and age of a key.
#pragma once

#include "board/board.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct keys;
struct status;
struct time_source;

// The sources of an answer; all of them outlive the struct status.
struct status_sources {
    const struct config *config;
    const struct board_control *control;
    const struct board_dataplane *dataplane;
    struct keys *keys; // "keys rotate" begins a rotation
    const struct time_source *time;
    const struct board_ke *ke;
    const struct board_metrics *metrics;
    const struct board_etcd *etcd;
    int link;      // to the supervisor, for LINK_ASK_RELOAD and LINK_DRAIN; not closed here
    bool draining; // as status_draining was told
};

// listen_fd is the listening Unix socket, which the caller still owns. 0 or -errno.
int status_open(int listen_fd, const struct status_sources *sources, struct status **status);

// A descriptor that is readable when status_turn has something to do: for the caller's epoll.
int status_fd(const struct status *status);

// Accepts, reads and answers what is waiting, without blocking. Returns when it is to be called
// again whatever the descriptor says: UINT64_MAX, but after accept has failed. now is now_ns().
uint64_t status_turn(struct status *status, uint64_t now);

// The supervisor says whether the server drains: to a client that has requested so with this id
// ("drain\n", "drain cancel\n"), or to all that ask for the status. Only while it does so is it
// asked to stop ("drain stop\n").
void status_draining(struct status *status, uint32_t id, bool draining);

// The reload that a client requested with this id has ended. text: of LINK_APPLIED or LINK_REFUSED.
void status_reloaded(struct status *status, uint32_t id, bool applied, const char *text);

// The keys have had a turn: a client that has requested a change is answered once it has ended.
void status_keys_turned(struct status *status);

void status_close(struct status *status);
