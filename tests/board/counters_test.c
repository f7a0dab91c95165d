// A core's counters: adding, and reading them while the core counts.
#include "board/counters.h"

#include "board/metrics.h"
#include "tests/board/outcome_name.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

// P8: every outcome has a counter with a name of its own.
static void names_say_answered_or_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOMES; i++) {
        const char *prefix = i <= ANSWERED_KISS ? "answered_" : "dropped_";
        assert_int_equal(strncmp(outcome_name((enum outcome)i), prefix, strlen(prefix)), 0);
    }
}

static void counter_add_adds(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 40;
    counter_add(&counter, 2);
    assert_int_equal(atomic_load(&counter), 42);
}

// Fields that are one after another: each holds another number.
static void copies_and_sums_take_every_field(void **state)
{
    (void)state;
    static struct core_counters counters, copy, sum;
    _Atomic uint64_t *word = (_Atomic uint64_t *)&counters;
    enum { WORDS = sizeof counters / sizeof *word };
    for (unsigned i = 0; i < WORDS; i++)
        atomic_store(&word[i], 1000 + i);
    counters_read(&counters, &copy);
    assert_memory_equal(&copy, &counters, sizeof copy);
    counters_sum(&sum, &copy);
    counters_sum(&sum, &copy);
    for (unsigned i = 0; i < WORDS; i++)
        assert_int_equal(atomic_load((_Atomic uint64_t *)&sum + i), 2 * (1000 + i));
}

struct race {
    struct core_counters counters;
    atomic_bool stop;
};

// Counts as account() and core_turn() do: the whole, then its parts.
static void *count(void *arg)
{
    struct race *race = arg;
    struct core_counters *c = &race->counters;
    for (unsigned i = 0; !atomic_load_explicit(&race->stop, memory_order_relaxed); i++) {
        counter_add(&c->frames_received, 4);
        counter_add(&c->slow_path, 4);
        counter_add(&c->outcome[ANSWERED_PLAIN], 1);
        counter_add(&c->outcome[ANSWERED_NAK], 2);
        counter_add(&c->outcome[DROPPED_TX_FULL], 1);
        counter_add(&c->nak[i % NAK_CAUSES], 1);
        counter_add(&c->nak[(i + 1) % NAK_CAUSES], 1);
        counter_add(&c->stamps_refused, 4);
    }
    return NULL;
}

static uint64_t total(const _Atomic uint64_t *n, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += atomic_load(&n[i]);
    return sum;
}

static time_t seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

// Never more outcomes, NAKs by cause, odd shapes or refused stamps than there were frames or NAKs,
// however the reader and the core are interleaved.
static void parts_never_exceed_their_whole(void **state)
{
    (void)state;
    enum { ENOUGH = 2000 }; // readings that differ from the one before
    static struct race race;
    static struct core_counters copy;
    pthread_t core;
    assert_int_equal(pthread_create(&core, NULL, count, &race), 0);
    unsigned moved = 0, wrong = 0;
    uint64_t before = 0;
    for (time_t end = seconds() + 20; moved < ENOUGH && seconds() < end;) {
        counters_read(&race.counters, &copy);
        uint64_t frames = atomic_load(&copy.frames_received);
        wrong += total(copy.outcome, OUTCOMES) > frames;
        wrong += total(copy.nak, NAK_CAUSES) > atomic_load(&copy.outcome[ANSWERED_NAK]);
        wrong += atomic_load(&copy.slow_path) > frames;
        wrong += atomic_load(&copy.stamps_refused) > frames;
        moved += frames != before;
        before = frames;
    }
    atomic_store(&race.stop, true);
    pthread_join(core, NULL);
    print_message("# %u readings, %u wrong\n", moved, wrong);
    assert_true(moved > 100);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_answered_or_dropped),
        cmocka_unit_test(counter_add_adds),
        cmocka_unit_test(copies_and_sums_take_every_field),
        cmocka_unit_test(parts_never_exceed_their_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
