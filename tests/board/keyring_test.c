// The cores' copies of the cookie keys. RFC 8915, section 6.
#include "board/keyring.h"

#include "tests/crypto/registers_held.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

// A key whose octets all follow from its id.
static struct keyring_entry entry_of(uint32_t id)
{
    struct keyring_entry entry = {.id = id};
    for (unsigned i = 0; i < COOKIE_KEY_LEN; i++)
        entry.secret[i] = (uint8_t)((id * 2654435761U >> (i % 4 * 8)) + i * 37);
    return entry;
}

static struct keyring_record record_of(const uint32_t *id, uint32_t n, uint32_t current)
{
    struct keyring_record record = {.n = n, .current = current};
    for (uint32_t i = 0; i < n; i++)
        record.entry[i] = entry_of(id[i]);
    return record;
}

static bool is_key_of(const struct cookie_key *key, uint32_t id)
{
    struct keyring_entry entry = entry_of(id);
    struct cookie_key expect;
    memset(&expect, 0, sizeof expect);
    cookie_key_expand_own(&expect, id, entry.secret);
    return key->id == id && memcmp(key->mac_schedule, expect.mac_schedule, 11 * 16) == 0 &&
           memcmp(key->ctr_schedule, expect.ctr_schedule, 11 * 16) == 0 &&
           memcmp(key->s2v_prefix, expect.s2v_prefix, 16) == 0;
}

static void no_keys_before_the_first_publication(void **state)
{
    (void)state;
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    assert_false(keyring_refresh(&ring, &view));
    assert_int_equal(view.seen, 0);
    // An empty view's ids are all zero, and id 0 is legal: it must not be found all the same.
    assert_null(keyring_find(&view, 0));
}

// CK-4: every slot, the ids at both ends, and ids that nearly collide.
static void finds_every_slot(void **state)
{
    (void)state;
    const uint32_t id[KEYRING_KEYS] = {0,          0xffffffff, 2,          0x80000000,
                                       0x00000100, 0xfffffffd, 0x12345678, 0x92345678};
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    for (uint32_t n = 1; n <= KEYRING_KEYS; n++) {
        struct keyring_record record = record_of(id, n, n - 1);
        keyring_publish(&ring, &record);
        assert_true(keyring_refresh(&ring, &view));
        assert_int_equal(view.n, n);
        assert_int_equal(view.current, n - 1);
        for (uint32_t i = 0; i < KEYRING_KEYS; i++) {
            const struct cookie_key *key = keyring_find(&view, id[i]);
            if (i >= n) {
                assert_null(key);
                continue;
            }
            assert_ptr_equal(key, &view.key[i]);
            assert_true(is_key_of(key, id[i]));
        }
        for (unsigned bit = 0; bit < 31; bit++)
            assert_null(keyring_find(&view, 0x12345678U ^ 1U << bit));
    }
}

// A key imported from elsewhere may have cookies without associated data.
static void foreign_keys_have_no_associated_data(void **state)
{
    (void)state;
    struct keyring_record record = {.n = 1, .entry = {entry_of(7)}};
    record.entry[0].foreign_ad = 1;
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    keyring_publish(&ring, &record);
    assert_true(keyring_refresh(&ring, &view));
    struct cookie_key expect;
    cookie_key_expand(&expect, 7, record.entry[0].secret, NULL, 0);
    assert_memory_equal(view.key[0].s2v_prefix, expect.s2v_prefix, 16);
    assert_false(is_key_of(&view.key[0], 7));
}

static void refresh_is_idle_without_news(void **state)
{
    (void)state;
    const uint32_t id[] = {4, 8};
    struct keyring_record record = record_of(id, 2, 0);
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    keyring_publish(&ring, &record);
    assert_true(keyring_refresh(&ring, &view));
    assert_false(keyring_refresh(&ring, &view));
    assert_int_equal(view.seen, 1);
}

// Control is trusted less than the cores: a record that leads out of the view is not taken.
static void unsound_records_are_refused(void **state)
{
    (void)state;
    const uint32_t id[] = {4, 8};
    struct keyring_record good = record_of(id, 2, 1), bad = good;
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    keyring_publish(&ring, &good);
    assert_true(keyring_refresh(&ring, &view));

    static const struct {
        uint32_t n, current, second_id;
        uint8_t foreign_ad;
    } cases[] = {
        {0, 0, 8, 0},                // no key: NTS would fall silent
        {KEYRING_KEYS + 1, 0, 8, 0}, //
        {UINT32_MAX, 0, 8, 0},       //
        {2, 2, 8, 0},                // current is none of them
        {2, UINT32_MAX, 8, 0},       //
        {2, 0, 4, 0},                // an id twice
        {2, 0, 5, 0},                // but for its lowest bit
        {2, 0, 8, 2},                // neither true nor false
    };
    enum { N = sizeof cases / sizeof cases[0] };
    for (unsigned i = 0; i < N; i++) {
        bad = good;
        bad.n = cases[i].n;
        bad.current = cases[i].current;
        bad.entry[1].id = cases[i].second_id;
        bad.entry[0].foreign_ad = cases[i].foreign_ad;
        keyring_publish(&ring, &bad);
        assert_false(keyring_refresh(&ring, &view));
    }
    assert_int_equal(view.refused, N);
    assert_int_equal(view.n, 2);
    assert_int_equal(view.current, 1);
    assert_true(is_key_of(keyring_find(&view, 8), 8));

    keyring_publish(&ring, &good);
    assert_true(keyring_refresh(&ring, &view));
}

static bool has_block(const struct keyring_view *view, const uint8_t block[16])
{
    const uint8_t *at = (const uint8_t *)view;
    for (size_t i = 0; i + 16 <= sizeof *view; i++)
        if (memcmp(at + i, block, 16) == 0)
            return true;
    return false;
}

// How many of the secret blocks of that key lie anywhere in the view.
static unsigned traces(const struct keyring_view *view, uint32_t id)
{
    struct keyring_entry entry = entry_of(id);
    struct cookie_key key;
    cookie_key_expand_own(&key, id, entry.secret);
    unsigned n = 0;
    n += has_block(view, entry.secret) + has_block(view, entry.secret + 16);
    for (unsigned i = 0; i < 11; i++)
        n += has_block(view, key.mac_schedule[i]) + has_block(view, key.ctr_schedule[i]);
    n += has_block(view, key.s2v_prefix) + has_block(view, key.subkey1) +
         has_block(view, key.subkey2);
    return n;
}

// CK-8: what is retired leaves no octet in the view, neither secret nor schedule.
static void retired_keys_leave_no_trace(void **state)
{
    (void)state;
    const uint32_t before[] = {10, 20, 30, 40, 50, 60, 70, 80}, after[] = {20, 90};
    struct keyring_record record = record_of(before, 8, 0);
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    keyring_publish(&ring, &record);
    assert_true(keyring_refresh(&ring, &view));
    for (unsigned i = 0; i < 8; i++)
        assert_true(traces(&view, before[i]) >= 20); // the scan can find them

    record = record_of(after, 2, 1);
    keyring_publish(&ring, &record);
    assert_true(keyring_refresh(&ring, &view));
    for (unsigned i = 0; i < 8; i++)
        if (before[i] == 20)
            assert_true(traces(&view, 20) >= 20);
        else
            assert_int_equal(traces(&view, before[i]), 0);

    keyring_view_wipe(&view);
    assert_int_equal(traces(&view, 20), 0);
    assert_int_equal(traces(&view, 90), 0);
    assert_null(keyring_find(&view, 20));
}

enum { ENOUGH = 50 }; // views that each reader must have checked

struct race {
    struct snapshot ring;
    atomic_bool stop;
};

// Publication p has 2 + p % 7 keys with ids 16 p, 16 p + 2, ...
static void *race_writer(void *arg)
{
    struct race *race = arg;
    for (uint32_t p = 1; !atomic_load_explicit(&race->stop, memory_order_relaxed); p++) {
        uint32_t id[KEYRING_KEYS];
        for (uint32_t i = 0; i < KEYRING_KEYS; i++)
            id[i] = 16 * p + 2 * i;
        struct keyring_record record = record_of(id, 2 + p % 7, p % 2);
        keyring_publish(&race->ring, &record);
    }
    return NULL;
}

struct race_result {
    struct race *race;
    unsigned refreshed, mixed;
};

static bool view_is_one_publication(const struct keyring_view *view)
{
    uint32_t p = view->id[0] / 16;
    if (p != (uint32_t)view->seen || view->n != 2 + p % 7 || view->current != p % 2)
        return false;
    for (uint32_t i = 0; i < view->n; i++)
        if (view->id[i] != 16 * p + 2 * i || !is_key_of(&view->key[i], view->id[i]))
            return false;
    return true;
}

static void *race_reader(void *arg)
{
    struct race_result *r = arg;
    struct keyring_view view = {0};
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    // Longer on a busy machine, where reader and writer take turns on one CPU.
    time_t start = t.tv_sec;
    while (t.tv_sec < start + 2 || (r->refreshed < ENOUGH && t.tv_sec < start + 20)) {
        if (keyring_refresh(&r->race->ring, &view)) {
            r->refreshed++;
            r->mixed += !view_is_one_publication(&view);
        }
        clock_gettime(CLOCK_MONOTONIC, &t);
    }
    return NULL;
}

// Readers never hold a mix of two publications (checklist CK-5, faults section 3 'key handover
// races'); run under TSan too.
static void readers_never_mix_publications(void **state)
{
    (void)state;
    struct race race = {0};
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
        print_message("# reader %d: %u views\n", i, result[i].refreshed);
        assert_true(result[i].refreshed >= ENOUGH);
        assert_int_equal(result[i].mixed, 0);
    }
}

// A core that has nothing to do afterwards keeps none in its registers either.
static void no_key_stays_in_a_register(void **state)
{
    (void)state;
    const uint32_t id[] = {0x11223344, 0x55667788};
    struct snapshot ring = {0};
    struct keyring_view view = {0};
    static uint8_t held[REGISTERS_MAX][REGISTER_WIDEST];
    struct keyring_record record = record_of(id, 2, 0);
    keyring_publish(&ring, &record);
    bool news = keyring_refresh(&ring, &view);
    registers_read(held);
    assert_true(news);
    for (unsigned i = 0; i < 2; i++) {
        assert_false(registers_hold(held, view.key[i].mac_schedule[0], 11 * 16));
        assert_false(registers_hold(held, view.key[i].ctr_schedule[0], 11 * 16));
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_keys_before_the_first_publication),
        cmocka_unit_test(finds_every_slot),
        cmocka_unit_test(foreign_keys_have_no_associated_data),
        cmocka_unit_test(refresh_is_idle_without_news),
        cmocka_unit_test(unsound_records_are_refused),
        cmocka_unit_test(retired_keys_leave_no_trace),
        cmocka_unit_test(no_key_stays_in_a_register),
        cmocka_unit_test(readers_never_mix_publications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
