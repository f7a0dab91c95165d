// The requests that are on their way, in the order in which they are due. A request is found again
// by its transmit timestamp, of which some bits are its place; the others are random, so that
// nobody who has not seen it can answer it. A place is used again only when all others have been,
// so that a repeated or a late reply is still recognised.
// A struct window belongs to one thread.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    WINDOW_UID_LEN = 32,     // RFC 8915, section 5.3: at least 32 octets
    WINDOW_BITS_MAX = 24,    // of a place
    WINDOW_CLIENT_BITS = 24, // of a client's number
};

enum slot_state {
    SLOT_FREE,    // nothing was sent
    SLOT_WAITING, // on its way, or about to leave
    SLOT_OPENING, // a reply has come and is being opened
    SLOT_SETTLED, // a reply has decided it
    SLOT_EXPIRED, // none came before the deadline
};

struct slot {
    uint64_t transmit; // of the request: the reply's origin
    uint64_t due_ns;   // when it should have left: CLOCK_MONOTONIC
    uint64_t sent_ns;  // when it left: CLOCK_REALTIME, since 1970; the kernel's stamp if stamped
    uint8_t uid[WINDOW_UID_LEN];
    uint32_t client : WINDOW_CLIENT_BITS;
    uint32_t epoch : 8; // of the client's keys
    uint16_t len;       // octets of the payload
    uint8_t flow : 4;
    uint8_t asked : 4;       // cookies: 1 + placeholders
    uint8_t state : 6;       // enum slot_state
    uint8_t stamped : 1;     // by the kernel, as it left
    uint8_t interleaved : 1; // is asked for
};
static_assert(sizeof(struct slot) == 64, "a slot is a cache line");

struct window {
    struct slot *slot;
    uint64_t mask;  // slots - 1
    uint64_t cover; // laid over the place, so that it does not show
    uint64_t head;  // of the next request
    uint64_t tail;  // of the oldest one that may still wait
};

// Room for n requests or more, up to 2^WINDOW_BITS_MAX. cover is random. 0 or -ENOMEM.
int window_open(struct window *window, uint64_t n, uint64_t cover);
void window_close(struct window *window);

// How many places are free.
static inline uint64_t window_room(const struct window *window)
{
    return window->mask + 1 - (window->head - window->tail);
}

// The next place, with its transmit timestamp made of random; the caller fills the rest. There is
// room.
static inline struct slot *window_next(struct window *window, uint64_t random)
{
    uint64_t at = window->head++ & window->mask;
    struct slot *slot = &window->slot[at];
    slot->transmit = (random & ~window->mask) | (at ^ (window->cover & window->mask));
    return slot;
}

// The slot that a timestamp names, whether it is that slot's or not.
static inline struct slot *window_at(const struct window *window, uint64_t transmit)
{
    return &window->slot[(transmit ^ window->cover) & window->mask];
}
