// The requests in flight, in the order in which they are due. The transmit timestamp identifies a
// request: some of its bits are the request's place in the window; the others are random, so that
// only a host that has seen the request can answer it. The places are used in turn, so that
// repeated and late replies are recognised, too. A struct window belongs to one thread.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    WINDOW_UID_LEN = 32,     // RFC 8915, section 5.3: at least 32 octets
    WINDOW_BITS_MAX = 24,    // bits of a place
    WINDOW_CLIENT_BITS = 24, // bits of a client's number
};

enum slot_state {
    SLOT_FREE,    // not in use
    SLOT_WAITING, // in flight, or about to be sent
    SLOT_OPENING, // a reply has come and is being decrypted
    SLOT_SETTLED, // a reply has decided it
    SLOT_EXPIRED, // none came before the deadline
};

struct slot {
    uint64_t transmit; // the request's transmit timestamp, the reply's origin timestamp
    uint64_t due_ns;   // when it was due: CLOCK_MONOTONIC
    uint64_t sent_ns;  // when it left: CLOCK_REALTIME, since 1970; if stamped, the kernel's stamp
    uint8_t uid[WINDOW_UID_LEN];
    uint32_t client : WINDOW_CLIENT_BITS;
    uint32_t epoch : 8; // number of the client's session
    uint16_t len;       // octets of the payload
    uint8_t flow : 4;
    uint8_t asked : 4;       // cookies: 1 + placeholders
    uint8_t state : 6;       // enum slot_state
    uint8_t stamped : 1;     // sent_ns is the kernel's stamp
    uint8_t interleaved : 1; // interleaved mode is requested
};
static_assert(sizeof(struct slot) == 64, "a slot is a cache line");

struct window {
    struct slot *slot;
    uint64_t mask;  // slots - 1
    uint64_t cover; // XORed with the place, to hide it
    uint64_t head;  // of the next request
    uint64_t tail;  // of the oldest request that may still wait
};

// Makes room for at least n requests, up to 2^WINDOW_BITS_MAX. cover is random. 0 or -ENOMEM.
int window_open(struct window *window, uint64_t n, uint64_t cover);
void window_close(struct window *window);

// The number of free places.
static inline uint64_t window_room(const struct window *window)
{
    return window->mask + 1 - (window->head - window->tail);
}

// Takes the next place and sets its transmit timestamp, with the bits of random; the caller fills
// the rest. There must be a free place.
static inline struct slot *window_next(struct window *window, uint64_t random)
{
    uint64_t at = window->head++ & window->mask;
    struct slot *slot = &window->slot[at];
    slot->transmit = (random & ~window->mask) | (at ^ (window->cover & window->mask));
    return slot;
}

// The slot at the place in a timestamp; the caller checks that the timestamp is that slot's.
static inline struct slot *window_at(const struct window *window, uint64_t transmit)
{
    return &window->slot[(transmit ^ window->cover) & window->mask];
}
