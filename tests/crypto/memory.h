// What a kernel touches and what it leaves behind: octets between pages that nobody may touch, and
// a stack that can be searched afterwards.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// len octets between two such pages: at the end of theirs, or at its start. A touch outside ends
// the test by a signal.
struct fenced {
    uint8_t *pages;
    uint8_t *at;
};

// A fenced copy of up to a page; fence_free gives it back.
struct fenced fence(const uint8_t *from, size_t len, bool at_end);
void fence_free(struct fenced fenced);

// Pages that are fenced once and written many times: a kernel sees each between two that nobody may
// touch, and cannot write it unless fenced_pages_open says so. The test writes them elsewhere.
enum { FENCED_PAGE = 4096 };

struct fenced_pages {
    uint8_t *written; // n pages in a row: the test's view
    uint8_t *seen;    // the same, a fence before and behind each
};

// n pages, of which every every_nth, if it is not 0, can be written where it is seen, too: those
// whose number leaves `rest`.
void fenced_pages_open(struct fenced_pages *pages, unsigned n, unsigned every_nth, unsigned rest);

static inline uint8_t *fenced_pages_written(const struct fenced_pages *pages, unsigned i)
{
    return pages->written + (size_t)i * FENCED_PAGE;
}

static inline uint8_t *fenced_pages_seen(const struct fenced_pages *pages, unsigned i)
{
    return pages->seen + (2 * (size_t)i + 1) * FENCED_PAGE;
}

// Runs the routine in a thread on a stack of the test's own and returns that stack, which the
// caller frees. That a search finds what has to be there, the argument's address, is checked.
uint8_t *stack_after(void *(*routine)(void *), void *argument);

// Whether 16 octets stand on it.
bool stack_has_block(const uint8_t *stack, const uint8_t block[16]);

// Whether an AES key stands on it, or its schedule's first or last round key, from which it
// follows.
bool stack_has_key(const uint8_t *stack, const uint8_t key[16]);

// The same as the portable kernels hold the keys of the eight lanes of a group.
bool stack_has_planes(const uint8_t *stack, const uint8_t *const key[8]);
