// The server's objects as text for people.
#pragma once

#include <jansson.h>
#include <stdio.h>

// Prints the object that control/show/status_report.c makes; what is missing in it is left out.
void show_status(const json_t *status, FILE *out);

// Prints the object that control/show/reload_report.c makes of a reload that was taken.
void show_reload(const json_t *reload, FILE *out);
