// A request to the server over its control socket, and the answer. One thread.
#pragma once

#include "ctl/command.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

enum { CLIENT_TIMEOUT_S = 5 };

struct request {
    const char *line; // without its newline: control/show/status.h has them
    int timeout_s;
    const char *otherwise; // advice when the server does not answer
};

// The advice that most requests give.
extern const char client_otherwise[];

// Sends a request. Returns the answer, cleaned by clean_copy, which the caller owns; NULL when
// there is none or when it is an error, and then client_fault tells why, in a line that stays until
// the next one.
json_t *client_try(const struct call *call, const struct request *request);
const char *client_fault(void);

// The process that listens on the socket that was last connected to, the supervisor; 0: none does.
pid_t client_server(void);

// The same, and prints why.
json_t *client_ask(const struct call *call, const struct request *request);

// Sends the request of a command, and prints the answer: with `show`, or as the call wants it.
// Returns the exit status.
int client_run(const struct call *call, const struct request *request,
               void (*show)(const json_t *answer, FILE *out));

// Prints an object as --json does.
void client_print(const json_t *object);
