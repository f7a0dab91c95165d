// Searches the memory of a running process for secrets, for memory_test.py.
//
//   memscan PID < PATTERNS
//
// A pattern is a line: a name, a space, octets in hexadecimal digits (a multiple of 8). Each piece
// of 8 octets is looked for at every address, so that half a key is found, and a word of one that a
// compiler has put aside; a pattern whose name begins with "=" is looked for as a whole, for its
// pieces may be anything. All threads are held by ptrace while it looks, which no parent notices,
// and their registers are looked at as well: vectors at every octet, the others as whole words.
//
// It plants a pattern of its own, called "planted", in what is left of the main thread's stack
// below its stack pointer and in a vector register, and removes both. If a scan does not find it
// there, the scan is broken.
//
// Prints a line for each place: found NAME WHERE TID ADDRESS COUNT FLAGS MAPPING, where WHERE is
// stack, below (the stack pointer), vector, general or memory, and FLAGS are smaps' (or -); and a
// line "unread START LENGTH MAPPING" for resident memory that could not be read. Root only, x86-64.
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PIECE = 8,
    WHOLE_MAX = 128,
    PIECES_MAX = 1 << 15,
    SLOTS = 1 << 17, // of the hash table; a power of two, and mostly empty
    NAMES_MAX = 4096,
    THREADS_MAX = 256,
    PLACES_MAX = 4096,
    STATE_MAX = 16384, // octets of all registers that XSAVE knows
    PAGE = 4096,
    CHUNK = 1 << 20,
    SMALL = 1 << 20, // octets of a mapping whose pages are all read, touched or not
    XSTATE_BV = 512, // which parts of an XSAVE area hold something; bit 1: the XMM registers
    XMM_AT = 160,
};

static char names[NAMES_MAX][80];
static unsigned n_names;
static struct piece {
    uint64_t octets;
    unsigned name;
    size_t len;                      // PIECE, or more:
    uint8_t more[WHOLE_MAX - PIECE]; // what must follow
} pieces[PIECES_MAX];
static unsigned n_pieces;
static uint16_t slot[SLOTS]; // 1 + index of a piece
static uint8_t planted[PIECE];

static struct thread {
    pid_t tid;
    struct user_regs_struct general;
    uint8_t state[STATE_MAX];
    size_t state_len;
} threads[THREADS_MAX];
static unsigned n_threads;

struct region {
    uint64_t start, end;
    char flags[96];
    char mapping[160];
    bool resident;
};

static struct place {
    unsigned name;
    const char *where;
    pid_t tid;
    uint64_t address; // of the first
    unsigned long count;
} places[PLACES_MAX];
static unsigned n_places; // of the region at hand

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "memscan: %s: %s\n", what, strerror(errno));
    exit(2);
}

static unsigned hash(uint64_t octets)
{
    return (unsigned)(octets * 0x9e3779b97f4a7c15u >> 47);
}

static void add_piece(unsigned name, const uint8_t *at, size_t len)
{
    if (n_pieces == PIECES_MAX) {
        errno = E2BIG;
        fail("patterns");
    }
    struct piece *piece = &pieces[n_pieces++];
    memcpy(&piece->octets, at, PIECE);
    memcpy(piece->more, at + PIECE, len - PIECE);
    piece->len = len;
    piece->name = name;
    unsigned i = hash(piece->octets);
    while (slot[i] != 0)
        i = (i + 1) % SLOTS;
    slot[i] = (uint16_t)n_pieces;
}

static unsigned add_name(const char *name)
{
    if (n_names == NAMES_MAX) {
        errno = E2BIG;
        fail("names");
    }
    snprintf(names[n_names], sizeof names[0], "%.79s", name);
    return n_names++;
}

static void read_patterns(void)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        char *digits = strchr(line, ' ');
        if (digits == NULL)
            continue;
        *digits++ = '\0';
        const unsigned name = add_name(line);
        const size_t len = line[0] == '=' ? WHOLE_MAX : PIECE;
        uint8_t at[WHOLE_MAX];
        unsigned octet;
        for (size_t n = 0; sscanf(digits, "%2x", &octet) == 1; digits += 2) {
            at[n++] = (uint8_t)octet;
            if (n == len)
                add_piece(name, at, len);
            n %= len;
        }
    }
    if (getrandom(planted, sizeof planted, 0) != sizeof planted)
        fail("getrandom");
    add_piece(add_name("planted"), planted, PIECE);
}

static void found(unsigned name, const char *where, pid_t tid, uint64_t address)
{
    for (unsigned i = 0; i < n_places; i++) {
        if (places[i].name == name && places[i].tid == tid && places[i].where == where) {
            places[i].count++;
            return;
        }
    }
    if (n_places < PLACES_MAX)
        places[n_places++] = (struct place){name, where, tid, address, 1};
}

static void report(const char *flags, const char *mapping)
{
    for (unsigned i = 0; i < n_places; i++) {
        const struct place *p = &places[i];
        printf("found %s %s %d %" PRIx64 " %lu %s %s\n", names[p->name], p->where, (int)p->tid,
               p->address, p->count, flags, mapping);
    }
    n_places = 0;
}

// The name of the pattern that begins here, or of which a piece does; -1: none.
static int name_of(const uint8_t *at, size_t len)
{
    uint64_t octets;
    memcpy(&octets, at, PIECE);
    for (unsigned i = hash(octets); slot[i] != 0; i = (i + 1) % SLOTS) {
        const struct piece *piece = &pieces[slot[i] - 1];
        if (piece->octets == octets && piece->len <= len &&
            memcmp(piece->more, at + PIECE, piece->len - PIECE) == 0)
            return (int)piece->name;
    }
    return -1;
}

// In whose stack an address lies. A thread's own record stands at the upper end of a stack that
// libc has made or was given, and fs points to it; the main thread's stack is a mapping by itself.
static const char *where_is(uint64_t address, const struct region *r, pid_t *tid)
{
    for (unsigned i = 0; i < n_threads; i++) {
        const struct user_regs_struct *g = &threads[i].general;
        const bool is_main = strcmp(r->mapping, "[stack]") == 0;
        if (g->rsp < r->start || g->rsp >= r->end)
            continue;
        if (!is_main && (g->fs_base < g->rsp || address >= g->fs_base))
            continue;
        *tid = threads[i].tid;
        return address < g->rsp ? "below" : "stack";
    }
    *tid = 0;
    return "memory";
}

static void scan(const uint8_t *at, size_t len, uint64_t address, const struct region *r)
{
    for (size_t i = 0; i + PIECE <= len; i++) {
        const int name = name_of(at + i, len - i);
        if (name < 0)
            continue;
        pid_t tid;
        const char *where = where_is(address + i, r, &tid);
        found((unsigned)name, where, tid, address + i);
    }
}

// Is the page there, in memory or swapped out?
static bool is_there(uint64_t entry)
{
    return entry >> 62 != 0;
}

static void scan_region(int mem, int map, const struct region *r)
{
    static uint8_t chunk[CHUNK + WHOLE_MAX];
    static uint64_t entry[CHUNK / PAGE];
    const bool all = r->end - r->start <= SMALL;
    size_t kept = 0; // octets of the page before, so that nothing across a border is missed
    for (uint64_t at = r->start; at < r->end; at += CHUNK) {
        const size_t n = (size_t)((r->end - at < CHUNK ? r->end - at : CHUNK) / PAGE);
        if (pread(map, entry, n * sizeof *entry, (off_t)(at / PAGE * sizeof *entry)) !=
            (ssize_t)(n * sizeof *entry))
            break; // [vsyscall] is no memory of this process
        for (size_t i = 0; i < n;) {
            size_t run = 0;
            while (i + run < n && (all || is_there(entry[i + run])))
                run++;
            if (run == 0) {
                kept = 0;
                i++;
                continue;
            }
            const uint64_t from = at + i * PAGE;
            const ssize_t got = pread(mem, chunk + kept, run * PAGE, (off_t)from);
            if (got < 0 || (size_t)got < run * PAGE) {
                printf("unread %" PRIx64 " %zu %s\n", from, run * PAGE, r->mapping);
                kept = 0;
            } else {
                scan(chunk, kept + (size_t)got, from - kept, r);
                memmove(chunk, chunk + kept + (size_t)got - (WHOLE_MAX - 1), WHOLE_MAX - 1);
                kept = WHOLE_MAX - 1;
            }
            i += run;
        }
    }
    report(r->flags[0] != '\0' ? r->flags : "-", r->mapping[0] != '\0' ? r->mapping : "anonymous");
}

// Reads the next mapping of smaps; false at the end.
static bool next_region(FILE *smaps, struct region *r)
{
    static char line[1024];
    static bool have_line;
    memset(r, 0, sizeof *r);
    if (!have_line && !fgets(line, sizeof line, smaps))
        return false;
    have_line = false;
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &r->start, &r->end, &at) < 2)
        return false;
    snprintf(r->mapping, sizeof r->mapping, "%.*s", (int)strcspn(line + at, "\n"), line + at);
    for (char *c = r->mapping; *c != '\0'; c++)
        if (*c == ' ')
            *c = '_';
    while (fgets(line, sizeof line, smaps)) {
        unsigned long kb;
        if (sscanf(line, "Rss: %lu", &kb) == 1 || sscanf(line, "Swap: %lu", &kb) == 1 ||
            sscanf(line, "Shared_Hugetlb: %lu", &kb) == 1 ||
            sscanf(line, "Private_Hugetlb: %lu", &kb) == 1)
            r->resident |= kb > 0;
        if (strncmp(line, "VmFlags:", 8) == 0) {
            for (char *word = strtok(line + 8, " \n"); word; word = strtok(NULL, " \n"))
                snprintf(r->flags + strlen(r->flags), sizeof r->flags - strlen(r->flags), "%s%s",
                         r->flags[0] ? "," : "", word);
            return true;
        }
    }
    return false;
}

static void hold(pid_t tid)
{
    struct thread *t = &threads[n_threads];
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        if (errno == ESRCH)
            return;
        fail("ptrace");
    }
    int status;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 || waitpid(tid, &status, __WALL) != tid)
        fail("ptrace interrupt");
    if (!WIFSTOPPED(status))
        return; // it has ended
    t->tid = tid;
    n_threads++;
    struct iovec general = {&t->general, sizeof t->general};
    struct iovec state = {t->state, sizeof t->state};
    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &general) != 0 ||
        ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &state) != 0)
        fail("registers");
    t->state_len = state.iov_len;
}

// Until no thread is left that is not held: one that runs may make another.
static void hold_all(const char *pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    for (unsigned before = UINT32_MAX; before != n_threads;) {
        before = n_threads;
        DIR *tasks = opendir(path);
        if (tasks == NULL)
            fail(path);
        for (struct dirent *e = readdir(tasks); e; e = readdir(tasks)) {
            const pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
            bool held = tid <= 0 || n_threads == THREADS_MAX;
            for (unsigned i = 0; i < n_threads; i++)
                held |= threads[i].tid == tid;
            if (!held)
                hold(tid);
        }
        closedir(tasks);
    }
}

static void scan_registers(const struct thread *t)
{
    for (size_t i = 0; i + PIECE <= t->state_len; i++) {
        const int name = name_of(t->state + i, t->state_len - i);
        if (name >= 0)
            found((unsigned)name, "vector", t->tid, i);
    }
    for (size_t i = 0; i < sizeof t->general / PIECE; i++) {
        const int name = name_of((const uint8_t *)&t->general + PIECE * i, PIECE);
        if (name >= 0)
            found((unsigned)name, "general", t->tid, i);
    }
    report("-", "registers");
}

static void set_state(struct thread *t, uint8_t *state)
{
    struct iovec all = {state, t->state_len};
    if (ptrace(PTRACE_SETREGSET, t->tid, NT_X86_XSTATE, &all) != 0)
        fail("setting registers");
}

int main(int argc, char **argv)
{
    const char *pid = argc == 2 ? argv[1] : "self"; // which ptrace refuses
    char path[64];
    read_patterns();
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    const int mem = open(path, O_RDWR);
    snprintf(path, sizeof path, "/proc/%s/pagemap", pid);
    const int map = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%s/smaps", pid);
    FILE *smaps = fopen(path, "r");
    if (mem < 0 || map < 0 || smaps == NULL)
        fail(path);
    hold_all(pid);

    struct thread *first = &threads[0];
    for (unsigned i = 0; i < n_threads; i++)
        if (threads[i].tid == strtol(pid, NULL, 10))
            first = &threads[i];
    const off_t below = (off_t)(first->general.rsp - 1024); // below the red zone
    uint8_t before[PIECE];
    static uint8_t state[STATE_MAX];
    if (pread(mem, before, PIECE, below) != PIECE || pwrite(mem, planted, PIECE, below) != PIECE)
        fail("planting");
    memcpy(state, first->state, sizeof state);
    memcpy(state + XMM_AT + 16 * 13, planted, PIECE);
    state[XSTATE_BV] |= 2;
    set_state(first, state);
    struct thread with = *first;
    struct iovec all = {with.state, sizeof with.state};
    if (ptrace(PTRACE_GETREGSET, first->tid, NT_X86_XSTATE, &all) != 0)
        fail("registers");
    set_state(first, first->state);

    for (unsigned i = 0; i < n_threads; i++)
        scan_registers(&threads[i] == first ? &with : &threads[i]);
    for (struct region r; next_region(smaps, &r);)
        if (r.resident || r.end - r.start <= SMALL)
            scan_region(mem, map, &r);
    if (pwrite(mem, before, PIECE, below) != PIECE)
        fail("taking back");
    printf("threads %u\n", n_threads);
    return 0; // its end lets all threads go
}
