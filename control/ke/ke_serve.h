// The connections of a loop: their turns, their queues and deadlines. A part of a loop: only its
// thread calls it.
#pragma once

#include "control/ke/ke_loop_state.h"

#include <stdbool.h>

// Makes a connection of fd, which is non-blocking, and takes its first turn: the kernel hands out
// connections that have sent something. False, with fd closed, when the system has no room for it.
// has_header: it begins with a header of the PROXY protocol.
bool ke_serve_new(struct ke_loop *loop, int fd, const struct ke_source_address *from,
                  bool has_header);

// Serves a connection for which epoll has an event. The call may free the connection.
void ke_serve_turn(struct ke_loop *loop, struct ke_connection *c);

// Ends the connections that are late.
void ke_serve_expire(struct ke_loop *loop);

// Closes all of them, when the loop has ended.
void ke_serve_cut(struct ke_loop *loop);
