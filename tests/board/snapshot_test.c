// The board's primitive: a reader gets a complete record or none, even if the writer dies.
#include "board/snapshot.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS = SNAPSHOT_WORDS_MAX };

struct record {
    uint64_t word[WORDS];
};

// Every word tells which publication it belongs to.
static void fill(struct record *record, uint64_t number)
{
    for (uint64_t i = 0; i < WORDS; i++)
        record->word[i] = number * 1000 + i;
}

static bool whole(const struct record *record)
{
    for (uint64_t i = 0; i < WORDS; i++)
        if (record->word[i] != record->word[0] + i)
            return false;
    return record->word[0] % 1000 == 0;
}

static void publish(struct snapshot *snapshot, uint64_t number)
{
    struct record record;
    fill(&record, number);
    snapshot_publish(snapshot, &record, sizeof record);
}

static struct snapshot *shared_snapshot(void)
{
    void *at = mmap(NULL, sizeof(struct snapshot), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    return at;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void never_published_reads_nothing(void **state)
{
    (void)state;
    struct snapshot snapshot = {0};
    struct record out;
    memset(&out, 0xa5, sizeof out);
    uint64_t seen = 7;
    assert_false(snapshot_moved(&snapshot, 0));
    assert_false(snapshot_read(&snapshot, &out, sizeof out, &seen));
    assert_int_equal(seen, 7);
    for (unsigned i = 0; i < WORDS; i++)
        assert_true(out.word[i] == UINT64_C(0xa5a5a5a5a5a5a5a5));
}

static void reads_the_last_record(void **state)
{
    (void)state;
    struct snapshot snapshot = {0};
    struct record out;
    uint64_t seen = 0;
    for (uint64_t n = 1; n <= 5; n++) {
        publish(&snapshot, n);
        assert_true(snapshot_moved(&snapshot, seen));
        assert_true(snapshot_read(&snapshot, &out, sizeof out, &seen));
        assert_int_equal(seen, n);
        assert_true(whole(&out));
        assert_int_equal(out.word[0], n * 1000);
        assert_false(snapshot_moved(&snapshot, seen));
    }
}

static void short_record_leaves_the_rest(void **state)
{
    (void)state;
    struct snapshot snapshot = {0};
    uint64_t one = 42, out[2] = {0, 99}, seen = 0;
    snapshot_publish(&snapshot, &one, sizeof one);
    assert_true(snapshot_read(&snapshot, out, 8, &seen));
    assert_int_equal(out[0], 42);
    assert_int_equal(out[1], 99);
}

enum { ENOUGH = 100 }; // records that a reader has to have taken in the race

struct race {
    struct snapshot *snapshot;
    atomic_bool stop;
};

static void *race_writer(void *arg)
{
    struct race *race = arg;
    for (uint64_t n = 1; !atomic_load_explicit(&race->stop, memory_order_relaxed); n++) {
        publish(race->snapshot, n);
        // Pauses of all lengths: without any, next to no read would be whole; with long ones alone,
        // none would be overtaken.
        for (volatile unsigned i = 0; i < n % 1024; i++)
            ;
    }
    return NULL;
}

struct race_result {
    struct race *race;
    uint64_t torn, backwards, taken, overtaken;
};

static void *race_reader(void *arg)
{
    struct race_result *r = arg;
    struct record out;
    uint64_t seen = 0, last = 0;
    // Longer on a busy machine, where reader and writer take turns on one CPU.
    uint64_t start = now_ns();
    while (now_ns() - start < 1000000000 ||
           (r->taken < ENOUGH && now_ns() - start < UINT64_C(20000000000))) {
        for (int i = 0; i < 100; i++) {
            if (!snapshot_moved(r->race->snapshot, seen))
                continue;
            if (!snapshot_read(r->race->snapshot, &out, sizeof out, &seen)) {
                r->overtaken++;
                continue;
            }
            r->taken++;
            r->torn += !whole(&out);
            r->torn += out.word[0] != seen * 1000;
            r->backwards += seen <= last;
            last = seen;
        }
    }
    return NULL;
}

// A reader takes whole records only, however the writer runs over it; also for TSan.
static void readers_never_see_a_mix(void **state)
{
    (void)state;
    struct snapshot snapshot = {0};
    struct race race = {.snapshot = &snapshot};
    struct race_result result[2] = {{.race = &race}, {.race = &race}};
    pthread_t writer, reader[2];
    assert_int_equal(pthread_create(&writer, NULL, race_writer, &race), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, race_reader, &result[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(reader[i], NULL);
    atomic_store(&race.stop, true);
    pthread_join(writer, NULL);

    for (int i = 0; i < 2; i++) {
        print_message("# reader %d: %lu taken, %lu overtaken\n", i, result[i].taken,
                      result[i].overtaken);
        assert_true(result[i].taken >= ENOUGH);
        assert_int_equal(result[i].torn, 0);
        assert_int_equal(result[i].backwards, 0);
    }
}

// F31: a writer that dies with the idle slot half filled leaves the last record, and its successor
// goes on from there.
static void half_written_slot_is_never_read(void **state)
{
    (void)state;
    struct snapshot snapshot = {0};
    struct record out;
    uint64_t seen = 0;
    publish(&snapshot, 1);
    publish(&snapshot, 2);
    for (unsigned written = 0; written <= WORDS; written++) {
        for (unsigned i = 0; i < written; i++)
            atomic_store(&snapshot.slot[1][i], UINT64_C(0xdeadbeef));
        assert_true(snapshot_read(&snapshot, &out, sizeof out, &seen));
        assert_true(whole(&out));
        assert_int_equal(out.word[0], 2000);
    }
    publish(&snapshot, 3);
    assert_true(snapshot_read(&snapshot, &out, sizeof out, &seen));
    assert_int_equal(seen, 3);
    assert_int_equal(out.word[0], 3000);
}

// F31 with a real process: killed at no chosen moment, twenty times over, each successor publishing
// into what its predecessor left.
static void killed_writers_leave_whole_records(void **state)
{
    (void)state;
    struct snapshot *snapshot = shared_snapshot();
    for (uint64_t round = 0; round < 20; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            for (uint64_t n = round * 1000000000 + 1;; n++)
                publish(snapshot, n);
        uint64_t before = atomic_load(&snapshot->sequence);
        while (atomic_load(&snapshot->sequence) < before + 100)
            usleep(100);
        usleep((useconds_t)(rand() % 300));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);

        struct record out;
        uint64_t seen = 0;
        assert_true(snapshot_read(snapshot, &out, sizeof out, &seen));
        assert_true(whole(&out));
        assert_int_equal(out.word[0] / 1000 / 1000000000, round);
        assert_int_equal(seen, atomic_load(&snapshot->sequence));
    }
    munmap(snapshot, sizeof *snapshot);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_published_reads_nothing),
        cmocka_unit_test(reads_the_last_record),
        cmocka_unit_test(short_record_leaves_the_rest),
        cmocka_unit_test(half_written_slot_is_never_read),
        cmocka_unit_test(killed_writers_leave_whole_records),
        cmocka_unit_test(readers_never_see_a_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
