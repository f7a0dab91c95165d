// The table of departures: what is kept, what is replaced, who gets an entry, and what a step does.
// Some tests run several threads: under the thread sanitizer they also show that no lock is needed.
#include "dataplane/table/tables.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SMALL = 4, GENERATION = 1 };
#define SECRET UINT64_C(0x1d872b41a90e55c3)
#define NOW UINT64_C(0xe812345600000001)

static struct table *open_table(uint32_t buckets_log2)
{
    struct table *table = malloc(sizeof *table);
    void *memory = aligned_alloc(64, table_len(buckets_log2));
    assert_true(table != NULL && memory != NULL);
    memset(memory, 0, table_len(buckets_log2));
    table_open(table, memory, buckets_log2);
    table_set_secret(table, SECRET);
    return table;
}

static void close_table(struct table *table)
{
    free(table->bucket);
    free(table);
}

// A receive timestamp that shares the bucket of `like`, the n-th after it.
static ntp_time neighbour(const struct table *table, ntp_time like, unsigned n)
{
    unsigned shift = 64 - table->buckets_log2;
    uint64_t veiled = SECRET ^ GENERATION * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t place = (like ^ veiled) * (SECRET | 1) >> shift;
    ntp_time t = like;
    while (n > 0) {
        t += 32;
        n -= ((t ^ veiled) * (SECRET | 1) >> shift) == place;
    }
    return t;
}

// IL-2: what was saved of a reply is what its receive timestamp finds, and nothing else is found.
static void a_departure_is_found_by_its_receive_timestamp(void **state)
{
    (void)state;
    struct table *table = open_table(SMALL);
    table_save(table, GENERATION, NOW, 1000);
    table_save(table, GENERATION, NOW + 32, 2000);
    assert_true(table_take(table, GENERATION, NOW + 64) == 0);
    assert_true(table_take(table, GENERATION, NOW ^ 2) == 0);
    assert_true(table_take(table, GENERATION, NOW) == 1000);
    assert_true(table_take(table, GENERATION, NOW + 32) == 2000);
    close_table(table);
}

// IL-3: an entry is handed out once.
static void an_entry_is_taken_once(void **state)
{
    (void)state;
    struct table *table = open_table(SMALL);
    table_save(table, GENERATION, NOW, 1000);
    assert_true(table_take(table, GENERATION, NOW) == 1000);
    assert_true(table_take(table, GENERATION, NOW) == 0);
    close_table(table);
}

// IL-5: two replies with one receive timestamp cannot be told apart, so neither is kept.
static void a_receive_timestamp_that_comes_twice_is_void(void **state)
{
    (void)state;
    struct table *table = open_table(SMALL);
    table_save(table, GENERATION, NOW, 1000);
    table_save(table, GENERATION, NOW, 2000);
    assert_true(table_take(table, GENERATION, NOW) == 0);
    close_table(table);
}

// IL-6: a full bucket loses its oldest entry, and one that was taken goes first.
static void the_oldest_is_replaced(void **state)
{
    (void)state;
    struct table *table = open_table(SMALL);
    ntp_time t[7];
    for (unsigned i = 0; i < 7; i++)
        t[i] = neighbour(table, NOW, i);
    // Not in the order of time.
    static const unsigned order[] = {1, 0, 3, 2};
    for (unsigned i = 0; i < 4; i++)
        table_save(table, GENERATION, t[order[i]], t[order[i]] + 1);
    table_save(table, GENERATION, t[4], t[4] + 1);
    assert_true(table_take(table, GENERATION, t[0]) == 0);
    assert_true(table_take(table, GENERATION, t[2]) == t[2] + 1);
    table_save(table, GENERATION, t[5], t[5] + 1); // in the place of t[2]
    for (unsigned i = 1; i < 6; i++)
        if (i != 2)
            assert_true(table_take(table, GENERATION, t[i]) == t[i] + 1);
    close_table(table);
}

// IL-10: after a step nothing is found that was saved before, and it gives way first.
static void a_step_voids_all(void **state)
{
    (void)state;
    struct table *table = open_table(SMALL);
    for (unsigned i = 0; i < 1000; i++)
        table_save(table, GENERATION, NOW + i * 32, i + 1);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(table_take(table, GENERATION + 1, NOW + i * 32) == 0);
    // The clock was set back: the new timestamps are older than those in the table.
    const ntp_time back = NOW - (UINT64_C(3600) << 32);
    for (unsigned i = 0; i < 16; i++) {
        table_save(table, GENERATION + 1, back + i * 32, i + 1);
        assert_true(table_take(table, GENERATION + 1, back + i * 32) == i + 1);
    }
    close_table(table);
}

// Without a secret nothing is kept: clients could compute which entries push each other out.
static void without_a_secret_nothing_is_kept(void **state)
{
    (void)state;
    struct table *table = open_table(SMALL);
    void *memory = table->bucket;
    table_open(table, memory, SMALL);
    assert_false(table_is_ready(table));
    table_save(table, GENERATION, NOW, 1000);
    assert_true(table_take(table, GENERATION, NOW) == 0);
    table_set_secret(table, SECRET);
    assert_true(table_is_ready(table));
    assert_true(table_take(table, GENERATION, NOW) == 0);
    close_table(table);
}

// IL-6: of as many clients as the table has entries for, hardly any is forgotten before its next
// request.
static void many_clients_fit(void **state)
{
    (void)state;
    enum { LOG2 = 12, CLIENTS = (TABLE_WAYS << LOG2) * 40 / 262 }; // 40,000 of 2^18
    struct table *table = open_table(LOG2);
    ntp_time of[CLIENTS];
    uint64_t random = 1;
    ntp_time now = NOW;
    unsigned kept = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        table_save(table, GENERATION, of[i] = now += 3200, 1);
    for (unsigned round = 0; round < 20 * CLIENTS; round++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        unsigned client = (unsigned)(random >> 33) % CLIENTS;
        kept += table_take(table, GENERATION, of[client]) != 0;
        now += 32 * (1 + (random >> 60));
        table_save(table, GENERATION, of[client] = now, 1);
    }
    assert_in_range(kept, 20 * CLIENTS / 1000 * 997, 20 * CLIENTS);
    close_table(table);
}

// IL-6, IL-8: 10^7 strangers' requests change neither the memory nor the table of those with NTS.
static void strangers_push_nobody_out(void **state)
{
    (void)state;
    enum { LOG2 = 8, STRANGERS = 10000000, CLIENTS = 64 };
    struct table *pair[] = {open_table(LOG2), open_table(LOG2)};
    for (unsigned i = 0; i < CLIENTS; i++)
        table_save(pair[1], GENERATION, NOW + i * 32, i + 1);
    uint8_t *before = malloc(table_len(LOG2));
    assert_non_null(before);
    memcpy(before, pair[1]->bucket, table_len(LOG2));
    ntp_time t = NOW;
    for (unsigned i = 0; i < STRANGERS; i++) {
        t += 32;
        table_save(pair[0], GENERATION, t, t + 1);
        table_take(pair[0], GENERATION, t ^ 0x40); // they guess
    }
    assert_memory_equal(before, pair[1]->bucket, table_len(LOG2));
    unsigned n = 0;
    for (unsigned i = 0; i < 100000; i++)
        n += table_take(pair[0], GENERATION, t - i * 32) != 0;
    assert_in_range(n, 1, TABLE_WAYS << LOG2);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_true(table_take(pair[1], GENERATION, NOW + i * 32) == i + 1);
    free(before);
    close_table(pair[0]);
    close_table(pair[1]);
}

enum {
    SAVED = 1 << 16, // after so many the receive timestamps of a race are used again
    KNOWN = 8,       // the newest ones that the other core asks for
    ENOUGH = 5000,   // taken by the other core
    PATIENCE_S = 30,
};

struct race {
    struct table *table;
    _Atomic uint64_t last;       // number of the newest entry
    _Atomic uint64_t other_took; // entries
    _Atomic uint64_t wrong;      // departures of another receive timestamp
    _Atomic bool over;
    _Atomic uint64_t taken[SAVED]; // number of the entry that was handed out last, + 1
    _Atomic uint64_t twice;
};

static ntp_time receive_of(uint64_t number)
{
    return NOW + number * 32;
}

static bool take(struct race *race, uint64_t number)
{
    ntp_time receive = receive_of(number);
    ntp_time departure = table_take(race->table, GENERATION, receive);
    if (departure == 0)
        return false;
    race->wrong += departure != receive * 3 + 1;
    race->twice += atomic_exchange(&race->taken[number % SAVED], number + 1) == number + 1;
    return true;
}

static void *take_all(void *with)
{
    struct race *race = with;
    while (!atomic_load(&race->over)) {
        uint64_t last = atomic_load(&race->last);
        for (uint64_t i = 0; i < KNOWN && i < last; i++)
            race->other_took += take(race, last - i);
    }
    return NULL;
}

static uint64_t seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec;
}

// IL-3, IL-7: while one core saves and takes, another one takes the same entries: each is handed
// out at most once, and with its own departure. The small table makes the owner replace what the
// other reads.
static void cores_take_from_each_other(void **state)
{
    (void)state;
    static struct race race;
    race.table = open_table(1);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, take_all, &race), 0);
    const uint64_t end = seconds() + PATIENCE_S;
    for (uint64_t i = 1; race.other_took < ENOUGH && (i % 1024 != 0 || seconds() < end); i++) {
        table_save(race.table, GENERATION, receive_of(i), receive_of(i) * 3 + 1);
        atomic_store(&race.last, i);
        if (i % 4 != 0)
            take(&race, i);
    }
    atomic_store(&race.over, true);
    pthread_join(other, NULL);
    assert_true(race.other_took >= ENOUGH);
    assert_int_equal(race.twice, 0);
    assert_int_equal(race.wrong, 0);
    close_table(race.table);
}

// IL-7: the number in a receive timestamp leads to its core's tables; a stranger's number to none.
static void the_number_leads_to_the_table(void **state)
{
    (void)state;
    static struct tables tables;
    static struct table_pair pair[3];
    for (uint32_t n = 1; n <= 3; n++) {
        tables.n_queues = n;
        assert_int_equal(tables_mask(n), n == 1 ? 1 : n == 2 ? 3 : 7);
        for (uint32_t i = 0; i < n; i++) {
            tables.of[i] = &pair[i];
            ntp_time receive = (NOW & ~tables_mask(n)) | tables_tag(i);
            assert_ptr_equal(tables_find(&tables, receive), &pair[i]);
            assert_null(tables_find(&tables, receive - 1)); // a transmit timestamp
        }
    }
    assert_null(tables_find(&tables, (NOW & ~tables_mask(3)) | tables_tag(3)));
    assert_int_equal(tables_mask(TABLES_QUEUES_MAX), 511);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_departure_is_found_by_its_receive_timestamp),
        cmocka_unit_test(an_entry_is_taken_once),
        cmocka_unit_test(a_receive_timestamp_that_comes_twice_is_void),
        cmocka_unit_test(the_oldest_is_replaced),
        cmocka_unit_test(a_step_voids_all),
        cmocka_unit_test(without_a_secret_nothing_is_kept),
        cmocka_unit_test(many_clients_fit),
        cmocka_unit_test(strangers_push_nobody_out),
        cmocka_unit_test(cores_take_from_each_other),
        cmocka_unit_test(the_number_leads_to_the_table),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
