// The addresses of a port. Pure; read-only once made.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_SET_MAX = 64 };

struct address_set {
    uint64_t mac; // a frame to it begins with these 48 bits; 0: frames to any are for the port
    uint32_t n_v4;
    uint32_t n_v6;
    uint8_t v4[ADDRESS_SET_MAX][4];
    uint8_t v6[ADDRESS_SET_MAX][16];
};

bool address_set_has_v4(const struct address_set *set, const uint8_t address[4]);
bool address_set_has_v6(const struct address_set *set, const uint8_t address[16]);
