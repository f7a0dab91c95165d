// Sockets that the supervisor holds for its children are looked at again. A child shares its
// listener, and an intruder in it may have shut that down; the control socket's file may have been
// removed. Such a socket is opened anew, and the child that has the old one is ended: the next one
// gets the new socket. The supervisor's thread.
#pragma once

#include "supervisor/descriptors.h"
#include "supervisor/life.h"

#include <stdint.h>

enum { RENEW_SOCKETS = 3 };

struct renew {
    struct descriptors *held;
    const struct life *child[RENEW_SOCKETS]; // ke, metrics, control: whose sockets they are
    uint64_t again_ms[RENEW_SOCKETS];        // when one that could not be opened is tried again
};

void renew_look(struct renew *renew, uint64_t now_ms);
