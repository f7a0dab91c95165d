// Why an interface cannot be opened, as one line that says what to do. The kernel tells a number
// only: this knows what it means for whom.
#pragma once

#include "dataplane/port/xdp/interface.h"

#include <stdint.h>

// What to do about that error of attaching a program: a format with the interface's name as its
// only argument, or NULL when the cause is not known. Pure.
const char *refusal_advice(int fault);

// One line in the log: the program could not be attached.
void refusal_of_program(const char *name, const struct interface *interface, int fault);

// The socket of that queue could not be opened.
void refusal_of_socket(const char *name, uint32_t queue, int fault);
