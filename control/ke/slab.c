// A heap has lists of spans for each size, a span has cells of that size, a cell is a header and a
// block. Freed cells are taken first, then those that no block has ever used: their pages are
// untouched still.
//
// Headers and spans begin with a seal, a number that nobody can guess. An overrun that reaches the
// pointers behind a seal has changed the seal, too.
//
// A thread works on its own heap without a lock: an atomic exchange would wait until all that was
// just wiped has left the CPU's store buffer, in each call. What other threads give back waits in a
// list of its own until the heap's thread comes by.
#include "control/ke/slab.h"

#include "base/bytes.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

enum {
    GRAIN = 16,
    FINE_MAX = 128,    // up to here, sizes are multiples of the grain
    SHARE_MAX = 32768, // above, four sizes for each power of two; beyond, a block has a span alone
    FINE = FINE_MAX / GRAIN,
    SIZES = FINE + 8 * 4,
    ALONE = SIZES,
    // Some small blocks live as long as their thread, such as its queue of errors, and each of them
    // keeps a whole span mapped. So spans of small cells are small.
    SMALL_MAX = 1024,
    SMALL_SPAN = 16 * 1024,
    LARGE_SPAN = 64 * 1024,
    KEEP = 8,       // the most empty spans of a size: the others are unmapped at once
    HEAPS = 65,     // control.threads and the main thread: a heap each
    SHARED = HEAPS, // this one is for all further threads, under its lock
};

static_assert(FINE_MAX << 8 == SHARE_MAX, "eight powers of two, four sizes each");

struct span {
    uint64_t seal;
    struct heap *heap;
    struct span *previous, *next; // in one of its size's lists, unless all of its cells are taken
    struct cell *freed;
    size_t cell_len;
    uint32_t size;             // an index of heap->size, or ALONE
    uint32_t n, used, touched; // cells: that fit; with blocks; ever used
};

struct cell {
    uint64_t seal;
    union {
        struct span *span; // while it has a block
        struct cell *next; // in the span's list of freed cells
    };
};

// The first octets of a block that another thread has given back: the next one of those.
struct returned {
    struct cell *next;
};

static_assert(sizeof(struct cell) == GRAIN && sizeof(struct span) % GRAIN == 0,
              "blocks are aligned to the grain");

struct size {
    struct span *partly; // with blocks and with free cells
    struct span *empty;
    uint32_t n_empty, unneeded; // the latter: the fewest empty ones since the last rest
};

struct heap {
    struct size size[SIZES];         // its thread's alone; the shared heap's: who holds the lock
    atomic_bool lock;                // of the shared heap
    _Atomic(struct cell *) returned; // other threads push, its thread takes all
} __attribute__((aligned(64)));

static struct heap heaps[HEAPS + 1];
static uint64_t secret; // the part of all seals that nobody can guess
static atomic_uint n_threads;
static atomic_size_t mapped;
static _Thread_local struct heap *own; // this thread's

// What a seal says of the object that it begins.
enum state { SPAN = 1, TAKEN, FREED, RETURNED };

static uint64_t seal_of(const void *object, enum state state)
{
    return secret ^ (uintptr_t)object ^ ((uint64_t)state << 60);
}

static void check(const void *object, uint64_t seal, enum state state)
{
    if (seal != seal_of(object, state))
        abort();
}

static void lock(struct heap *heap)
{
    if (heap != &heaps[SHARED])
        return;
    while (atomic_exchange_explicit(&heap->lock, true, memory_order_acquire))
        sched_yield();
}

static void unlock(struct heap *heap)
{
    if (heap == &heaps[SHARED])
        atomic_store_explicit(&heap->lock, false, memory_order_release);
}

static uint32_t size_of(size_t cell_len)
{
    if (cell_len <= FINE_MAX)
        return (uint32_t)((cell_len - 1) / GRAIN);
    if (cell_len > SHARE_MAX)
        return ALONE;
    const unsigned power = 63 - (unsigned)__builtin_clzll(cell_len - 1); // 7 for 129
    return FINE + (power - 7) * 4 + (uint32_t)((cell_len - 1) >> (power - 2) & 3);
}

// The largest cell of a size.
static size_t len_of(uint32_t size)
{
    if (size < FINE)
        return (size + 1u) * GRAIN;
    const uint32_t power = 7 + (size - FINE) / 4;
    return (size_t)(5 + (size - FINE) % 4) << (power - 2);
}

bool slab_open(void)
{
    if (secret != 0)
        return true;
    return getrandom(&secret, sizeof secret, 0) == sizeof secret;
}

// Lists are rings.
static void link_span(struct span **list, struct span *span)
{
    span->next = *list ? *list : span;
    span->previous = *list ? (*list)->previous : span;
    span->previous->next = span->next->previous = span;
    *list = span;
}

static void unlink_span(struct span **list, struct span *span)
{
    span->previous->next = span->next;
    span->next->previous = span->previous;
    if (*list == span)
        *list = span->next == span ? NULL : span->next;
}

static size_t span_len(uint32_t size, size_t cell_len)
{
    if (size == ALONE)
        return sizeof(struct span) + cell_len;
    return cell_len <= SMALL_MAX ? SMALL_SPAN : LARGE_SPAN;
}

static struct span *map_span(struct heap *heap, uint32_t size, size_t cell_len)
{
    const size_t len = span_len(size, cell_len);
    struct span *span = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (span == MAP_FAILED)
        return NULL;
    atomic_fetch_add_explicit(&mapped, len, memory_order_relaxed);
    *span = (struct span){
        .seal = seal_of(span, SPAN),
        .heap = heap,
        .cell_len = cell_len,
        .size = size,
        .n = (uint32_t)((len - sizeof *span) / cell_len),
    };
    return span;
}

// False: the system could not. A hole makes two mappings of one, and their number is limited.
static bool unmap_span(struct span *span)
{
    const size_t len = span_len(span->size, span->cell_len);
    if (munmap(span, len) != 0)
        return false;
    atomic_fetch_sub_explicit(&mapped, len, memory_order_relaxed);
    return true;
}

// A span with a free cell, in the list `partly`.
static struct span *find_span(struct heap *heap, uint32_t size)
{
    struct size *s = &heap->size[size];
    struct span *span = s->partly;
    if (span)
        return span;
    span = s->empty;
    if (span) {
        unlink_span(&s->empty, span);
        s->n_empty--;
        if (s->unneeded > s->n_empty)
            s->unneeded = s->n_empty;
    } else {
        span = map_span(heap, size, len_of(size));
    }
    if (span)
        link_span(&s->partly, span);
    return span;
}

static struct cell *take_cell(struct span *span)
{
    struct cell *cell = span->freed;
    check(span, span->seal, SPAN);
    if (cell) {
        check(cell, cell->seal, FREED);
        span->freed = cell->next;
    } else {
        cell = (struct cell *)((char *)(span + 1) + (size_t)span->touched++ * span->cell_len);
    }
    span->used++;
    cell->seal = seal_of(cell, TAKEN);
    cell->span = span;
    return cell;
}

static struct heap *own_heap(void)
{
    if (!own) {
        const unsigned n = atomic_fetch_add_explicit(&n_threads, 1, memory_order_relaxed);
        own = &heaps[n < HEAPS ? n : SHARED];
    }
    return own;
}

static void give_cell(struct heap *heap, struct span *span, struct cell *cell)
{
    struct size *s = &heap->size[span->size];
    cell->seal = seal_of(cell, FREED);
    cell->next = span->freed;
    span->freed = cell;
    const bool was_full = span->used == span->n;
    span->used--;
    if (span->used > 0) {
        if (was_full)
            link_span(&s->partly, span);
        return;
    }
    if (!was_full)
        unlink_span(&s->partly, span);
    if (s->n_empty >= KEEP && unmap_span(span))
        return;
    link_span(&s->empty, span);
    s->n_empty++;
}

// The seal of a returned cell covers the pointer in its block, too.
static uint64_t returned_seal(const struct cell *cell, const struct cell *next)
{
    return seal_of(cell, RETURNED) ^ (uintptr_t)next;
}

// Partner: the exchange in take_back.
static void return_cell(struct heap *heap, struct cell *cell)
{
    struct returned *returned = (struct returned *)(cell + 1);
    struct cell *next = atomic_load_explicit(&heap->returned, memory_order_relaxed);
    do {
        returned->next = next;
        cell->seal = returned_seal(cell, next);
    } while (!atomic_compare_exchange_weak_explicit(&heap->returned, &next, cell,
                                                    memory_order_release, memory_order_relaxed));
}

// What other threads have returned to this thread's heap.
static void take_back(struct heap *heap)
{
    if (!atomic_load_explicit(&heap->returned, memory_order_relaxed))
        return;
    struct cell *cell = atomic_exchange_explicit(&heap->returned, NULL, memory_order_acquire);
    while (cell) {
        struct cell *next = ((struct returned *)(cell + 1))->next;
        if (cell->seal != returned_seal(cell, next))
            abort();
        give_cell(heap, cell->span, cell);
        cell = next;
    }
}

void *slab_take(size_t len)
{
    if (len > SIZE_MAX / 2)
        return NULL;
    struct heap *heap = own_heap();
    const uint32_t size = size_of(len + sizeof(struct cell));
    if (size == ALONE) {
        struct span *alone =
            map_span(heap, size, (len + sizeof(struct cell) + GRAIN - 1) / GRAIN * GRAIN);
        return alone ? take_cell(alone) + 1 : NULL;
    }
    struct cell *cell = NULL;
    lock(heap);
    take_back(heap);
    struct span *span = find_span(heap, size);
    if (span) {
        cell = take_cell(span);
        if (span->used == span->n)
            unlink_span(&heap->size[size].partly, span);
    }
    unlock(heap);
    return cell ? cell + 1 : NULL;
}

static struct cell *cell_of(const void *at)
{
    struct cell *cell = (struct cell *)at - 1;
    check(cell, cell->seal, TAKEN);
    check(cell->span, cell->span->seal, SPAN);
    return cell;
}

size_t slab_room(const void *at)
{
    return cell_of(at)->span->cell_len - sizeof(struct cell);
}

void slab_give(void *at)
{
    struct cell *cell = cell_of(at);
    struct span *span = cell->span;
    bytes_wipe(at, span->cell_len - sizeof *cell);
    if (span->size == ALONE) {
        unmap_span(span);
        return;
    }
    struct heap *heap = span->heap; // the span may go with its last block
    if (heap != own && heap != &heaps[SHARED]) {
        return_cell(heap, cell);
        return;
    }
    lock(heap);
    give_cell(heap, span, cell);
    unlock(heap);
}

// A span that cannot be unmapped moves to the list's end: another one may be at an edge.
static void rest_size(struct size *s)
{
    for (uint32_t left = s->unneeded; left > 0; left--) {
        struct span *span = s->empty;
        unlink_span(&s->empty, span);
        if (unmap_span(span)) {
            s->n_empty--;
        } else {
            link_span(&s->empty, span);
            s->empty = span->next;
        }
    }
    s->unneeded = s->n_empty;
}

void slab_rest(void)
{
    struct heap *heap = own_heap();
    lock(heap);
    take_back(heap);
    for (uint32_t i = 0; i < SIZES; i++)
        rest_size(&heap->size[i]);
    unlock(heap);
}

size_t slab_mapped(void)
{
    return atomic_load_explicit(&mapped, memory_order_relaxed);
}
