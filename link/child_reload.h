// A child's part in a reload: it prepares a configuration whole, or refuses it with a reason, and
// takes it when the supervisor says that all others are prepared too. So nothing changes anywhere
// before every process has agreed.
//
// The thread that reads the link.
#pragma once

#include "link/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct child_reload {
    // Checks what the message brings and gets all that is needed, but changes nothing. 0, or -errno
    // with the reason in why. Descriptors that it keeps are set to -1.
    int (*prepare)(void *self, struct link_message *message, char *why, size_t len);
    void (*commit)(void *self); // takes what was prepared; cannot fail
    void (*cancel)(void *self); // frees it
    void *self;
    uint32_t id; // of the reload that is prepared; 0: none
};

// Handles a message, with its descriptors, and answers it. False, with the descriptors still open:
// it is no message of a reload.
bool child_reload_hear(struct child_reload *reload, struct link_message *message);

// At the end: frees what is prepared.
void child_reload_close(struct child_reload *reload);
