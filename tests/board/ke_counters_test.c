// The counters of NTS-KE after ke has died: every accepted connection still ends in one counter.
#include "board/ke_counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

// P8: what a ke that died had open ends as abandoned, and its places are free.
static void open_connections_of_a_dead_ke_are_abandoned(void **state)
{
    (void)state;
    static struct ke_counters counters;
    for (int i = 0; i < 10; i++)
        ke_count(&counters, KE_ACCEPTED);
    for (int i = 0; i < 4; i++)
        ke_count(&counters, KE_COMPLETED);
    ke_count(&counters, KE_LATE_REQUEST);
    ke_count(&counters, KE_ABANDONED);
    ke_count(&counters, KE_PAUSED_FULL); // no end of a connection
    atomic_store(&counters.open, 6);

    for (int i = 0; i < 2; i++) { // the second time nothing is left
        ke_counters_take_over(&counters);
        assert_int_equal(ke_counted(&counters, KE_ABANDONED), 5);
        assert_int_equal(ke_counted(&counters, KE_ACCEPTED), 10);
        assert_int_equal(atomic_load(&counters.open), 0);
    }
}

// A time is in the first bin whose greatest time it does not exceed, and copies have all numbers.
static void times_fall_into_bins(void **state)
{
    (void)state;
    static struct ke_counters counters, copy;
    struct ke_durations *times = &counters.exchange;
    ke_count_time(times, 0);
    for (int i = 0; i < KE_TIME_BINS - 1; i++) {
        assert_true(i == 0 || ke_time_bin_ns[i] > ke_time_bin_ns[i - 1]);
        ke_count_time(times, ke_time_bin_ns[i]);
        ke_count_time(times, ke_time_bin_ns[i] + 1);
    }
    for (int i = 0; i < KE_TIME_BINS; i++)
        assert_int_equal(times->bin[i], i < KE_TIME_BINS - 1 ? 2 : 1);
    uint64_t sum = KE_TIME_BINS - 1;
    for (int i = 0; i < KE_TIME_BINS - 1; i++)
        sum += 2 * ke_time_bin_ns[i];
    assert_int_equal(times->sum_ns, sum);

    _Atomic uint64_t *word = (_Atomic uint64_t *)&counters;
    for (size_t i = 0; i < sizeof counters / sizeof *word; i++)
        atomic_store(&word[i], i + 1);
    ke_counters_read(&counters, &copy);
    assert_memory_equal(&copy, &counters, offsetof(struct ke_counters, open) + sizeof copy.open);
}

static atomic_bool stop;

static void *serve(void *arg)
{
    struct ke_counters *counters = arg;
    for (unsigned i = 0; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
        ke_count(counters, KE_ACCEPTED);
        ke_count(counters, i % 2 == 0 ? KE_COMPLETED : KE_ABANDONED);
    }
    return NULL;
}

static time_t seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

// P8: never more connections have ended than were accepted, whenever the counters are read.
static void no_more_end_than_were_accepted(void **state)
{
    (void)state;
    enum { ENOUGH = 2000 }; // readings that differ from the one before
    static struct ke_counters counters;
    struct ke_counters copy;
    pthread_t loop[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&loop[i], NULL, serve, &counters), 0);
    unsigned moved = 0, wrong = 0;
    uint64_t before = 0;
    for (time_t end = seconds() + 20; moved < ENOUGH && seconds() < end;) {
        ke_counters_read(&counters, &copy);
        uint64_t accepted = ke_counted(&copy, KE_ACCEPTED), ended = 0;
        for (int i = KE_ENDS_FIRST; i <= KE_ENDS_LAST; i++)
            ended += ke_counted(&copy, (enum ke_counter)i);
        wrong += ended > accepted;
        moved += accepted != before;
        before = accepted;
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(loop[i], NULL);
    print_message("# %u readings, %u wrong\n", moved, wrong);
    assert_true(moved > 100);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_connections_of_a_dead_ke_are_abandoned),
        cmocka_unit_test(times_fall_into_bins),
        cmocka_unit_test(no_more_end_than_were_accepted),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
