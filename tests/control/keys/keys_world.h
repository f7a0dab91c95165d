// The world of the keys' tests: a directory, a ring, a monotonic clock that the test moves, and a
// disk that hangs on request. The system calls for this (fsync, and those that read clocks) are
// replaced at the link.
#pragma once

#include "board/keyring.h"
#include "control/keys/key_set.h"
#include "control/keys/keys.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#define S UINT64_C(1000000000)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)

// A disk that hangs: while set, fsync waits for the semaphore.
extern atomic_bool sim_fsync_hangs;
extern sem_t sim_fsync_goes_on;

extern uint64_t sim_now; // CLOCK_MONOTONIC

extern char keys_directory[64], keys_path[96];
extern struct config keys_config;
extern struct snapshot keys_ring;

// Fixtures of cmocka: rotation each day, three old keys.
int keys_world_setup(void **state);
int keys_world_teardown(void **state);

// Opens and publishes.
struct keys *keys_world_open(void);

// Turns until the writer has nothing under way; returns when to call again.
uint64_t keys_world_settle(struct keys *keys);

struct keyring_record keys_world_published(void);
uint64_t keys_world_publications(void);
struct key_set keys_world_on_disk(void);

// F12: what is published is also in the file.
void keys_world_check_durable(void);
