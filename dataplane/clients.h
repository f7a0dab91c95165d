// How many different clients the server has: housekeeping's side of dataplane/table/unique.h. A
// window is a minute; the last 60 make the hour. Housekeeping's thread.
#pragma once

#include "board/board.h"
#include "dataplane/table/unique.h"

#include <stdint.h>

struct clients;

// For n cores' threads. 0 or -ENOMEM.
int clients_open(uint32_t n, struct board_dataplane *board, struct clients **clients);

// The counter of that thread; it stays the clients'. NULL of NULL.
struct unique_counter *clients_counter(struct clients *clients, uint32_t thread);

// To be called once a second: begins a window each minute, and shows the one before a second later,
// when each core has seen the new one. NULL: does nothing.
void clients_second(struct clients *clients);

// The threads have ended. Takes NULL.
void clients_close(struct clients *clients);
