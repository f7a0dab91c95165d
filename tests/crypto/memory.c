// Fences and searchable stacks.
#include "tests/crypto/memory.h"

#include "crypto/aes.h"
#include "tests/crypto/support.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = FENCED_PAGE, STACK_LEN = 256 * 1024 };

struct fenced fence(const uint8_t *from, size_t len, bool at_end)
{
    struct fenced f;
    f.pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(f.pages != MAP_FAILED && len <= PAGE);
    assert_int_equal(mprotect(f.pages, PAGE, PROT_NONE), 0);
    assert_int_equal(mprotect(f.pages + 2 * PAGE, PAGE, PROT_NONE), 0);
    f.at = f.pages + PAGE + (at_end ? PAGE - len : 0);
    memcpy(f.at, from, len);
    return f;
}

void fence_free(struct fenced fenced)
{
    munmap(fenced.pages, 3 * PAGE);
}

static void *mapped(void *got)
{
    assert_true(got != MAP_FAILED);
    return got;
}

void fenced_pages_open(struct fenced_pages *pages, unsigned n, unsigned every_nth, unsigned rest)
{
    int file = memfd_create("fenced", MFD_CLOEXEC);
    assert_int_not_equal(file, -1);
    assert_int_equal(ftruncate(file, (off_t)n * PAGE), 0);
    pages->written =
        mapped(mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    pages->seen = mapped(mmap(NULL, (2 * (size_t)n + 1) * PAGE, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    for (unsigned i = 0; i < n; i++)
        mapped(mmap(fenced_pages_seen(pages, i), PAGE,
                    PROT_READ | (every_nth != 0 && i % every_nth == rest ? PROT_WRITE : 0),
                    MAP_SHARED | MAP_FIXED, file, (off_t)i * PAGE));
    close(file);
}

uint8_t *stack_after(void *(*routine)(void *), void *argument)
{
    uint8_t *stack = aligned_alloc(PAGE, STACK_LEN);
    if (stack == NULL) {
        fail_msg("no memory for a stack");
        abort();
    }
    memset(stack, 0, STACK_LEN);
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_LEN), 0);
    assert_int_equal(pthread_create(&thread, &attributes, routine, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    assert_non_null(memmem(stack, STACK_LEN, &argument, sizeof argument));
    return stack;
}

bool stack_has_block(const uint8_t *stack, const uint8_t block[16])
{
    return memmem(stack, STACK_LEN, block, 16) != NULL;
}

// The round keys that are looked for.
static const unsigned told[] = {0, 1, 10};
enum { TOLD = sizeof told / sizeof *told };

bool stack_has_key(const uint8_t *stack, const uint8_t key[16])
{
    uint8_t schedule[AES_SCHEDULE_LEN];
    bool found = false;
    aes_portable.expand(schedule, key);
    for (unsigned i = 0; i < TOLD; i++)
        found = found || stack_has_block(stack, schedule + 16 * told[i]);
    return found;
}

// Plane j holds bit j of every octet: a word a lane, with the bit of octet o at o. One that has the
// same word in all lanes, none or all bits set, may stand there by chance.
static bool has_plane(const uint8_t *stack, uint8_t octets[8][16], unsigned j)
{
    uint16_t plane[8] = {0};
    for (unsigned l = 0; l < 8; l++)
        for (unsigned o = 0; o < 16; o++)
            plane[l] |= (uint16_t)((octets[l][o] >> j & 1) << o);
    return plane[0] != 0 && plane[0] != UINT16_MAX &&
           stack_has_block(stack, (const uint8_t *)plane);
}

bool stack_has_planes(const uint8_t *stack, const uint8_t *const key[8])
{
    uint8_t schedule[8][AES_SCHEDULE_LEN], octets[8][16];
    bool found = false;
    for (unsigned l = 0; l < 8; l++)
        aes_portable.expand(schedule[l], key[l]);
    for (unsigned i = 0; i < TOLD; i++) {
        for (unsigned l = 0; l < 8; l++)
            memcpy(octets[l], schedule[l] + 16 * told[i], 16);
        for (unsigned j = 0; j < 8; j++)
            found = found || has_plane(stack, octets, j);
    }
    return found;
}
