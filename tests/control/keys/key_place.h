// A directory with a key file in it, for the tests of the key file.
#pragma once

#include "control/keys/key_file.h"

#include <stdbool.h>
#include <stddef.h>

// The names of FILE, FILE.1 and FILE.new in a directory of this test's own.
extern char key_directory[64], key_path[96], key_previous[96], key_aside[96];

// The moment of all writes and reads that do not say otherwise.
extern const struct key_file_moment key_moment;

// Fixtures of cmocka: make the directory, remove it.
int key_place_setup(void **state);
int key_place_teardown(void **state);

// Removes the three files.
void key_place_clean(void);

// A set that follows from its generation.
struct key_set key_place_set(uint64_t generation, uint32_t n);

void key_place_put(const char *to, const uint8_t *octets, size_t len);
void key_place_put_set(const char *to, const struct key_set *set);

bool key_place_same(const struct key_set *a, const struct key_set *b);
