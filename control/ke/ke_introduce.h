// The start of a connection that comes from a balancer: reads its PROXY header, and no octet more,
// and then looks at the client as accepting looks at others. A part of a loop: only its
// thread calls it.
#pragma once

#include "control/ke/ke_loop_state.h"

#include <stdbool.h>

// A connection that begins with a header, and is not among the accepted ones before that is
// complete. False: no memory.
bool ke_introduce_begin(struct ke_connection *c);

// Has anything of the header come?
bool ke_introduce_has_begun(const struct ke_connection *c);

// Reads on. True: it is complete, c->from is the client, and TLS may begin. False: there is no more
// yet, or the connection has ended.
bool ke_introduce(struct ke_loop *loop, struct ke_connection *c);

// Ends a connection whose header has not come before the deadline.
void ke_introduce_expire(struct ke_loop *loop, struct ke_connection *c);
