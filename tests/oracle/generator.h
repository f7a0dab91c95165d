// Random requests, valid or broken in one way or several, weighted so that every row of the
// decision table is met often. octets_seed alone determines them.
#pragma once

#include "tests/oracle/reference.h"

enum { SAMPLE_MAX = 1452 }; // octets of payload: an IPv6 frame of 1500

struct sample {
    size_t len;
    uint8_t at[PACKET_MAX];
    uint16_t source_port;
};

// cookies: the ring under which cookies are sealed, with one key at least, whatever the server may
// know.
void generator_make(const struct reference_ring *cookies, struct sample *sample);

// 0 to n - 1.
unsigned generator_pick(unsigned n);

// A ring of 1 to REFERENCE_KEYS random keys whose ids differ in more than the lowest bit.
void generator_ring(struct reference_ring *ring);
