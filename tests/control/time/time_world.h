// The world of the time source's tests: a simulated machine, a board, and a loop that lets
// milliseconds pass.
#pragma once

#include "board/ntp_state.h"
#include "control/time/time_source.h"
#include "tests/control/time/sim_chronyd.h"
#include "tests/control/time/sim_clock.h"
#include "tests/control/time/sim_phc.h"

#include <stdbool.h>
#include <stdint.h>

enum { MS = 1000000 };
#define S ((uint64_t)NS_PER_S)

extern struct sim_clock time_sim;
extern struct snapshot time_board;
extern struct ntp_state_view time_view; // as a core has it
extern struct config time_config;
extern struct sim_chronyd time_chronyd;  // what source chronyd asks
extern struct time_source *time_subject; // the one under test
extern struct leap_list time_leaps;      // for ports that smear; expires_s 0: none does

// Fixtures of cmocka: a machine in good order and a source that has not turned yet.
int time_world_setup(void **state);
int time_world_teardown(void **state);

// Opens the source on the simulated clocks.
void time_world_open(void);

// How far the time that the cores would serve now is from the clock's, in ns.
double time_world_error_ns(void);

// Would the cores answer with LI 3, or not at all?
bool time_world_marked(void);

// Lets a millisecond pass, control's loop included.
void time_world_tick(void);

// Runs for a while and returns the greatest error that was served unmarked, in ns.
double time_world_run(uint64_t ns);

// Runs until the state is marked, or no longer, and returns how long that took.
uint64_t time_world_until(bool mark, uint64_t limit_ns);
