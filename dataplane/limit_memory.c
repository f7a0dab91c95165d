// One huge page for all tables of a loop, where the system has some.
#include "dataplane/limit_memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };
static_assert(sizeof(struct admit_tables) <= HUGE_PAGE, "the tables are in one huge page");

int limit_memory_open(struct limit_memory *memory, bool touched)
{
    const size_t len = 2 * (size_t)HUGE_PAGE;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -errno;
    const uintptr_t aligned = ((uintptr_t)at + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    *memory =
        (struct limit_memory){.tables = (struct admit_tables *)aligned, .mapped = at, .len = len};
    (void)madvise(memory->tables, HUGE_PAGE, MADV_HUGEPAGE); // best effort
    if (touched)
        memset(memory->tables, 0, sizeof *memory->tables);
    return 0;
}

void limit_memory_close(struct limit_memory *memory)
{
    if (memory->mapped)
        munmap(memory->mapped, memory->len);
    memory->mapped = NULL;
}
