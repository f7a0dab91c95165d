// The server's objects as text for people.
#pragma once

#include <jansson.h>
#include <stdio.h>

// Prints the object that control/show/status_report.c makes; missing parts are left out.
void show_status(const json_t *status, FILE *out);

// Prints the object that control/show/clock_report.c makes of a request for the clock.
void show_clock(const json_t *clock, FILE *out);

// Prints the object that control/show/reload_report.c makes of an applied reload.
void show_reload(const json_t *reload, FILE *out);
