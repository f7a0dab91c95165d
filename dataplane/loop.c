#include "dataplane/loop.h"

#include "base/bounds.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "dataplane/core.h"
#include "dataplane/limit_memory.h"
#include "dataplane/port/ports.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    STACK_LEN = 1 << 20,
    GUARD_LEN = 4096,
};

// The core of one queue, and the mailbox for its random seeds.
struct seat {
    struct core core;
    uint64_t seed_seen;   // of seed; used by the polling thread only
    struct snapshot seed; // writer: housekeeping; reader: the polling thread
};

struct loop {
    struct loop_setup is;
    size_t size; // of this structure with its seats
    bool running;
    char name[16];
    pthread_t thread;
    void *stack;            // the crypto kernels leave secrets on it
    _Atomic int tid;        // writer: the polling thread, once; reader: housekeeping
    _Atomic bool must_stop; // writer: housekeeping; reader: the polling thread
    uint32_t empty;         // turns without frames, up to LOOP_EMPTY_TURNS
    bool full;              // the last turn left frames in a port
    uint64_t found_ns;      // when the last turn with frames ended, and the pause after it
    struct pollfd *wait;    // of each queue; NULL: it does not sleep
    struct limit_memory limit_memory;
    struct admit admit; // of all its cores together
    uint32_t n_seats;
    struct seat seat[]; // one for each queue
};
static_assert((int)LOOP_REST_MS < (int)WATCH_LOOK_MS, "each look of the watch sees a turn");

// The lowest page of the stack is a guard page: an overflow faults there.
static void *stack_alloc(void)
{
    void *stack = secret_alloc(STACK_LEN);
    if (stack)
        mprotect(stack, GUARD_LEN, PROT_NONE);
    return stack;
}

static void stack_free(void *stack)
{
    if (stack)
        mprotect(stack, GUARD_LEN, PROT_READ | PROT_WRITE);
    secret_free(stack, STACK_LEN);
}

// Whether all queues can wake a core that sleeps.
static bool can_sleep(const struct loop *loop)
{
    bool all = true;
    if (loop->is.idle == LOOP_POLLS || loop->n_seats == 0)
        return false;
    for (uint32_t i = 0; i < loop->n_seats; i++)
        all &= port_descriptor(loop->is.queues[i]) >= 0;
    if (!all)
        log_info("%s polls a DPDK device and does not sleep", loop->name);
    return all;
}

static int open_wait(struct loop *loop)
{
    if (!can_sleep(loop))
        return 0;
    loop->wait = calloc(loop->n_seats, sizeof *loop->wait);
    for (uint32_t i = 0; loop->wait && i < loop->n_seats; i++)
        loop->wait[i] =
            (struct pollfd){.fd = port_descriptor(loop->is.queues[i]), .events = POLLIN};
    return loop->wait ? 0 : -ENOMEM;
}

int loop_open(const struct loop_setup *setup, struct loop **out)
{
    const uint32_t n = setup->n_queues;
    size_t size = sizeof(struct loop) + n * sizeof(struct seat);
    struct loop *loop = secret_alloc(size);
    if (!loop)
        return -ENOMEM;
    loop->stack = stack_alloc();
    if (!loop->stack) {
        secret_free(loop, size);
        return -ENOMEM;
    }
    loop->is = *setup;
    loop->size = size;
    int fault = limit_memory_open(
        &loop->limit_memory,
        atomic_load_explicit(&setup->policy->now, memory_order_relaxed)->limits.on);
    if (fault) {
        loop_close(loop);
        return fault;
    }
    admit_open(&loop->admit, loop->limit_memory.tables, setup->limited);
    loop->n_seats = n;
    if (setup->cpu == LOOP_NO_CPU)
        snprintf(loop->name, sizeof loop->name, "kernel path");
    else
        snprintf(loop->name, sizeof loop->name, "core %d", setup->cpu);
    for (uint32_t i = 0; i < n; i++) {
        const struct core_setup core = {
            .port = setup->queues[i],
            .keyring = &setup->control->keyring,
            .key_hints = &setup->control->key_hints,
            .ntp_state = port_smears(setup->queues[i]) ? setup->smeared : setup->ntp_state,
            .stamps = setup->stamps,
            .own_clock = port_line(setup->queues[i]),
            .counters = setup->counters,
            .key_counters = setup->key_counters,
            .kernels = setup->kernels,
            .policy = setup->policy,
            .tables = setup->tables,
            .number = setup->first_number + i,
            .clients = setup->clients,
            .admit = &loop->admit,
        };
        core_open(&loop->seat[i].core, &core);
    }
    fault = open_wait(loop);
    if (fault) {
        loop_close(loop);
        return fault;
    }
    *out = loop;
    return 0;
}

int loop_reseed(struct loop *loop)
{
    uint8_t seed[RNG_SEED_LEN];
    static_assert(sizeof seed % 8 == 0 && sizeof seed <= 8 * SNAPSHOT_WORDS_MAX,
                  "a seed is made of whole words and fits a snapshot");
    int fault = 0;
    for (uint32_t i = 0; i < loop->n_seats && fault == 0; i++) {
        ssize_t n = getrandom(seed, sizeof seed, GRND_NONBLOCK);
        if (n == (ssize_t)sizeof seed)
            snapshot_publish(&loop->seat[i].seed, seed, sizeof seed);
        else
            fault = n < 0 ? -errno : -EIO;
    }
    bytes_wipe(seed, sizeof seed);
    return fault;
}

static void take_seed(struct seat *seat)
{
    uint8_t seed[RNG_SEED_LEN];
    if (!snapshot_moved(&seat->seed, seat->seed_seen) ||
        !snapshot_read(&seat->seed, seed, sizeof seed, &seat->seed_seen))
        return;
    rng_reseed(&seat->core.rng, seed);
    bytes_wipe(seed, sizeof seed);
}

// False when no queue had frames.
static bool turn(struct loop *loop)
{
    bool found = false;
    loop->full = false;
    for (uint32_t i = 0; i < loop->n_seats; i++) {
        struct seat *seat = &loop->seat[i];
        take_seed(seat);
        if (core_turn(&seat->core))
            found = true;
        else
            core_refresh(&seat->core); // drops retired keys and old policies on an idle core
        loop->full |= !seat->core.batch.burst.drained;
    }
    counter_add(&loop->is.counters->heartbeat, 1);
    return found;
}

// How long the loop is to pause after a turn that ended now. A core that gathers does not pause
// after a lone request: nobody would come meanwhile, and a pause costs as much as a sleep.
static long pause_us(struct loop *loop, bool found, uint64_t now)
{
    if (!found || loop->is.idle == LOOP_SLEEPS)
        return 0;
    if (loop->is.idle == LOOP_PAUSES)
        return LOOP_PAUSE_US;
    const bool near = now - loop->found_ns <= LOOP_NEAR_US * 1000UL;
    loop->found_ns = now;
    return near && !loop->full ? LOOP_GATHER_US : 0;
}

// Sleeps once enough turns were empty. A frame that comes between the last of them and the sleep
// ends it at once: the descriptors are then readable. After a sleep without frames, one empty turn
// is enough for the next.
static void rest(struct loop *loop, bool found)
{
    const uint32_t most = loop->is.idle == LOOP_SLEEPS ? LOOP_EMPTY_TURNS : 1;
    const long pause = pause_us(loop, found, now_ns());
    loop->empty = found ? 0 : loop->empty + 1;
    if (pause > 0) {
        nanosleep(&(struct timespec){.tv_nsec = pause * 1000}, NULL);
        loop->found_ns = now_ns();
    }
    if (loop->empty < most)
        return;
    loop->empty = most - 1;
    poll(loop->wait, loop->n_seats, LOOP_REST_MS);
}

static void *run(void *with)
{
    struct loop *loop = with;
    atomic_store_explicit(&loop->tid, (int)syscall(SYS_gettid), memory_order_relaxed);
    int fault = ports_thread_enter();
    if (fault) {
        log_error("%s: DPDK does not accept its thread: %s", loop->name, strerror(-fault));
        return NULL; // no heartbeat: the watch ends the process
    }
    while (!atomic_load_explicit(&loop->must_stop, memory_order_relaxed)) {
        const bool found = turn(loop);
        if (loop->wait)
            rest(loop, found);
    }
    ports_thread_leave();
    return NULL;
}

static_assert((int)CPUS_MAX <= CPU_SETSIZE, "every CPU that may be configured is in a cpu_set_t");

int loop_start(struct loop *loop)
{
    cpu_set_t cpu;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (loop->is.cpu != LOOP_NO_CPU) {
        CPU_ZERO(&cpu);
        CPU_SET((unsigned)loop->is.cpu, &cpu);
        pthread_attr_setaffinity_np(&attr, sizeof cpu, &cpu);
    }
    pthread_attr_setstack(&attr, loop->stack, STACK_LEN);
    int fault = pthread_create(&loop->thread, &attr, run, loop);
    pthread_attr_destroy(&attr);
    if (fault) {
        log_error("%s cannot be used: %s; 'cores' may name those that 'taskset -p $$' allows",
                  loop->name, strerror(fault));
        return -fault;
    }
    loop->running = true;
    pthread_setname_np(loop->thread, loop->name);
    return 0;
}

const char *loop_name(const struct loop *loop)
{
    return loop->name;
}

const struct core_counters *loop_counters(const struct loop *loop)
{
    return loop->is.counters;
}

// The state letter in /proc. It follows the thread's name, which is in brackets and may contain any
// character.
static char state_of(int tid)
{
    char path[48];
    char text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return '?'; // not started yet, or just ended
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    const char *after = strrchr(text, ')');
    return after && after[1] == ' ' ? after[2] : '?';
}

int loop_look(const struct loop *loop, struct watch_look *look)
{
    clockid_t clock;
    struct timespec cpu;
    look->beat = atomic_load_explicit(&loop->is.counters->heartbeat, memory_order_relaxed);
    look->state = state_of(atomic_load_explicit(&loop->tid, memory_order_relaxed));
    look->cpu_ns = 0;
    int fault = pthread_getcpuclockid(loop->thread, &clock);
    if (fault == ESRCH) {
        look->state = WATCH_ENDED;
        return 0;
    }
    if (fault == 0 && clock_gettime(clock, &cpu) == 0)
        look->cpu_ns = (uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec;
    return -fault;
}

static bool holds_policy(const struct loop *loop)
{
    bool all = true;
    for (uint32_t i = 0; i < loop->n_seats; i++)
        all &= policy_is_held(loop->is.policy, &loop->seat[i].core.policy);
    return all;
}

void loop_free_policies(struct policy_place *place, struct loop *const *loops, uint32_t n)
{
    if (!policy_has_old(place))
        return;
    for (uint32_t i = 0; i < n; i++)
        if (!holds_policy(loops[i]))
            return;
    policy_free_old(place);
}

void loop_stop(struct loop *loop)
{
    if (!loop->running)
        return;
    atomic_store_explicit(&loop->must_stop, true, memory_order_relaxed);
    pthread_join(loop->thread, NULL);
    loop->running = false;
}

void loop_close(struct loop *loop)
{
    if (!loop)
        return;
    for (uint32_t i = 0; i < loop->n_seats; i++)
        core_close(&loop->seat[i].core);
    free(loop->wait);
    limit_memory_close(&loop->limit_memory);
    stack_free(loop->stack);
    secret_free(loop, loop->size);
}
