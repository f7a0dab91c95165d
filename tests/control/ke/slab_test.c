// Memory of sessions: blocks of all sizes, from several threads, and what goes back to the system.
// mmap (mmap64, as this build names it) and munmap are replaced at the link, so that they can fail.
#include "control/ke/slab.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE = 100 * 1000, MANY = 3000, KEPT_OF_A_SIZE = 8 * 64 * 1024 };

void *__real_mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);

static _Atomic bool full, stuck;
static atomic_uint n_mmaps;

void *__wrap_mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (full) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    n_mmaps++;
    return __real_mmap64(at, len, protection, flags, fd, offset);
}

int __wrap_munmap(void *at, size_t len)
{
    if (stuck) {
        errno = ENOMEM;
        return -1;
    }
    return __real_munmap(at, len);
}

// Two: the first one learns what is not needed.
static void rest(void)
{
    slab_rest();
    slab_rest();
}

static void all_sizes(void **state)
{
    (void)state;
    static uint8_t *at[LARGE / 7 + 1];
    const size_t before = slab_mapped();
    size_t n = 0;
    for (size_t len = 1; len <= LARGE; len += len < 2000 ? 7 : 997, n++) {
        at[n] = slab_take(len);
        assert_non_null(at[n]);
        assert_int_equal((uintptr_t)at[n] % 16, 0);
        const size_t room = slab_room(at[n]);
        assert_in_range(room, len, len + len / 4 + 32);
        memset(at[n], (int)n & 0xff, room);
    }
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(at[i][0], i & 0xff);
        assert_int_equal(at[i][slab_room(at[i]) - 1], i & 0xff);
        slab_give(at[i]);
    }
    rest();
    assert_int_equal(slab_mapped(), before);
    assert_null(slab_take(SIZE_MAX));
    assert_null(slab_take(SIZE_MAX / 2));
}

static void taken_again(void **state)
{
    (void)state;
    void *first = slab_take(500);
    const unsigned before = n_mmaps;
    for (int i = 0; i < 100; i++) {
        slab_give(first);
        slab_rest(); // a span in use each second stays
        assert_ptr_equal(slab_take(500), first);
    }
    assert_int_equal(n_mmaps, before);
    slab_give(first);
    rest();
}

static void crowd_goes(void **state)
{
    (void)state;
    static void *at[MANY];
    static const size_t lens[] = {20, 1000, 6000, 20000};
    for (size_t l = 0; l < sizeof lens / sizeof lens[0]; l++) {
        const size_t before = slab_mapped();
        void *stays = slab_take(lens[l]);
        for (size_t i = 0; i < MANY; i++)
            at[i] = slab_take(lens[l]);
        assert_true(slab_mapped() - before >= MANY * lens[l]);
        for (size_t i = 0; i < MANY; i++)
            slab_give(at[i * 7 % MANY]);
        assert_true(slab_mapped() - before <= KEPT_OF_A_SIZE + 65536); // without any rest
        rest();
        assert_true(slab_mapped() - before <= 65536); // where `stays` is
        slab_give(stays);
        rest();
        assert_int_equal(slab_mapped(), before);
    }
}

static void alone(void **state)
{
    (void)state;
    const size_t before = slab_mapped();
    void *at = slab_take(LARGE);
    assert_true(slab_mapped() >= before + LARGE);
    slab_give(at);
    assert_int_equal(slab_mapped(), before);
}

static void no_memory(void **state)
{
    (void)state;
    full = true;
    void *small = slab_take(3000), *large = slab_take(LARGE);
    full = false;
    assert_null(small);
    assert_null(large);
    small = slab_take(3000);
    assert_non_null(small);
    slab_give(small);
    rest();
}

// The kernel limits the number of mappings: a span that would leave a hole may have to stay.
static void cannot_unmap(void **state)
{
    (void)state;
    static void *at[MANY];
    const size_t before = slab_mapped();
    for (size_t i = 0; i < MANY; i++)
        at[i] = slab_take(6000);
    const size_t most = slab_mapped();
    stuck = true;
    for (size_t i = 0; i < MANY; i++)
        slab_give(at[i]);
    rest();
    stuck = false;
    assert_int_equal(slab_mapped(), most);
    for (size_t i = 0; i < MANY; i++)
        at[i] = slab_take(6000); // those that stayed serve
    assert_int_equal(slab_mapped(), most);
    for (size_t i = 0; i < MANY; i++)
        slab_give(at[i]);
    rest();
    assert_int_equal(slab_mapped(), before);
}

// How a child ends that does this: the signal's number, or 0.
static int ends(void (*what)(void))
{
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        alarm(10); // a broken list may have no end
        what();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void give_twice(void)
{
    uint8_t *at = slab_take(40), *other = slab_take(40);
    slab_give(at);
    slab_give(at);
    slab_give(other);
}

// Takes two neighbours, and writes len octets too many into the lower one.
static uint8_t *overrun(size_t len)
{
    uint8_t *a = slab_take(40), *b = slab_take(40);
    uint8_t *low = a < b ? a : b, *high = a < b ? b : a;
    memset(low + slab_room(low), 0, len);
    return high;
}

static void overrun_by_one(void)
{
    slab_give(overrun(1));
}

static void overrun_into_freed(void)
{
    uint8_t *a = slab_take(40), *b = slab_take(40);
    uint8_t *low = a < b ? a : b, *high = a < b ? b : a;
    slab_give(high);
    memset(low + slab_room(low), 0, 16);
    slab_take(40);
}

static void no_overrun(void)
{
    slab_give(overrun(0));
}

static void faults_abort(void **state)
{
    (void)state;
    assert_int_equal(ends(no_overrun), 0);
    assert_int_equal(ends(give_twice), SIGABRT);
    assert_int_equal(ends(overrun_by_one), SIGABRT);
    assert_int_equal(ends(overrun_into_freed), SIGABRT);
}

static void *taken[MANY];
static pthread_barrier_t handed, given;

static void *take_many(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < MANY; i++)
        taken[i] = slab_take(i % 2000 + 1);
    pthread_barrier_wait(&handed);
    pthread_barrier_wait(&given);
    rest();
    return NULL;
}

static void given_by_another(void **state)
{
    (void)state;
    const size_t before = slab_mapped();
    pthread_t thread;
    pthread_barrier_init(&handed, NULL, 2);
    pthread_barrier_init(&given, NULL, 2);
    pthread_create(&thread, NULL, take_many, NULL);
    pthread_barrier_wait(&handed);
    const size_t own = slab_mapped();
    void *mine[8];
    for (size_t i = 0; i < 8; i++)
        mine[i] = slab_take(300);
    assert_true(slab_mapped() > own); // not in the other thread's spans
    for (size_t i = 0; i < MANY; i++)
        slab_give(taken[i]);
    pthread_barrier_wait(&given);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < 8; i++)
        slab_give(mine[i]);
    rest();
    assert_int_equal(slab_mapped(), before);
}

// Writes to a block that this thread has given back to another one's heap.
static void *take_one(void *unused)
{
    (void)unused;
    taken[0] = slab_take(100);
    pthread_barrier_wait(&handed);
    pthread_barrier_wait(&given);
    slab_rest();
    return NULL;
}

static void write_to_returned(void)
{
    pthread_t thread;
    pthread_barrier_init(&handed, NULL, 2);
    pthread_barrier_init(&given, NULL, 2);
    pthread_create(&thread, NULL, take_one, NULL);
    pthread_barrier_wait(&handed);
    uint8_t *at = taken[0];
    slab_give(at);
    memset(at, 0xff, 8);
    pthread_barrier_wait(&given);
    pthread_join(thread, NULL);
}

static void give_twice_to_another(void)
{
    pthread_t thread;
    pthread_barrier_init(&handed, NULL, 2);
    pthread_create(&thread, NULL, take_one, NULL);
    pthread_barrier_wait(&handed);
    slab_give(taken[0]);
    slab_give(taken[0]);
}

static void returned_faults_abort(void **state)
{
    (void)state;
    assert_int_equal(ends(write_to_returned), SIGABRT);
    assert_int_equal(ends(give_twice_to_another), SIGABRT);
}

enum { CROWD = 80 }; // more than there are heaps

static void *take_and_give(void *at)
{
    void **block = at;
    if (*block)
        slab_give(*block);
    *block = slab_take(100);
    return *block;
}

// Further threads share a heap, and can give back what another of them took.
static void more_threads_than_heaps(void **state)
{
    (void)state;
    void *block = NULL;
    for (int i = 0; i < CROWD; i++) {
        pthread_t thread;
        void *result;
        pthread_create(&thread, NULL, take_and_give, &block);
        pthread_join(thread, &result);
        assert_non_null(result);
    }
    slab_give(block);
}

enum { THREADS = 4, PLACES = 64, TURNS = 20000 };

static void *_Atomic place[PLACES];

// Blocks wander between the threads; each is full of its first octet.
static void *mix(void *seed)
{
    uint32_t random = (uint32_t)(uintptr_t)seed;
    for (int i = 0; i < TURNS; i++) {
        random = random * 1664525 + 1013904223;
        const size_t len = 1 + (random >> 8) % (random >> 28 == 0 ? 40000 : 700);
        uint8_t *at = slab_take(len);
        memset(at, (int)(random >> 16 & 0xff), slab_room(at));
        uint8_t *other = atomic_exchange(&place[random >> 2 & (PLACES - 1)], at);
        if (other == NULL)
            continue;
        const size_t room = slab_room(other);
        for (size_t k = 1; k < room; k += 97)
            if (other[k] != other[0])
                return other;
        slab_give(other);
        if (i % 500 == 0)
            slab_rest();
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, mix, (void *)(i + 1)); // NOLINT
    for (size_t i = 0; i < THREADS; i++) {
        void *broken;
        pthread_join(thread[i], &broken);
        assert_null(broken);
    }
    for (size_t i = 0; i < PLACES; i++)
        if (place[i])
            slab_give(place[i]);
}

int main(void)
{
    if (!slab_open())
        return 1;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(taken_again),
        cmocka_unit_test(crowd_goes),
        cmocka_unit_test(alone),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(cannot_unmap),
        cmocka_unit_test(faults_abort),
        cmocka_unit_test(given_by_another),
        cmocka_unit_test(returned_faults_abort),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(more_threads_than_heaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
