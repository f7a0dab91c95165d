// The terminal while noonmarkctl top shows its view: the alternate screen, keys without echo, and
// all as it was at the end, however that comes. By ANSI's sequences. One thread.
#pragma once

#include "ctl/top_screen.h"

#include <stdbool.h>

// Takes the terminal of standard input and output. False: they are none.
bool top_terminal_open(void);

// Gives it back.
void top_terminal_close(void);

// Its size now; 80x24 when it does not tell.
struct top_size top_terminal_size(void);

enum top_event {
    TOP_TIME,   // the time is over
    TOP_RESIZE, // the terminal has another size
    TOP_END,    // q, SIGINT, SIGTERM or SIGHUP, or the terminal is gone
};

// Waits for one of them. Signals come only here.
enum top_event top_terminal_wait(double seconds);
