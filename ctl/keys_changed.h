// What the commands that change the server's keys share. One thread.
#pragma once

#include <jansson.h>
#include <stdio.h>

enum {
    KEYS_CHANGE_TIMEOUT_S = 60, // a disk may take half a minute to sync
    CALL_WRONG = 2,             // the exit status of a wrong command line
};

// Prints the result of a change, what: "rotated": which key seals now, and which keys are wiped.
void keys_show_changed(const char *what, const json_t *answer, FILE *out);
