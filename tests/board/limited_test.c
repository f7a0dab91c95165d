// The refused sources on the board: which are kept, and what a reader sees meanwhile.
#include "board/limited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

static struct limited_sources sources;
static struct limited_source out[LIMITED_SOURCES];

static struct limited_source source_of(uint64_t prefix, uint64_t tsc)
{
    return (struct limited_source){.prefix = prefix, .by = LIMITED_PLAIN, .tsc = tsc};
}

static void note(uint64_t prefix, uint64_t tsc)
{
    const struct limited_source source = source_of(prefix, tsc);
    limited_note(&sources, &source, 64);
}

static const struct limited_source *found(uint64_t prefix)
{
    const size_t n = limited_read(&sources, out);
    for (size_t i = 0; i < n; i++)
        if (out[i].prefix == prefix)
            return &out[i];
    return NULL;
}

static void one_source_is_one_entry(void **state)
{
    (void)state;
    memset(&sources, 0, sizeof sources);
    assert_int_equal(limited_read(&sources, out), 0);
    note(7, 100);
    note(7, 200);
    assert_int_equal(limited_read(&sources, out), 1);
    assert_int_equal(out[0].n, 128);
    assert_int_equal(out[0].tsc, 200);
    // Another limit, and another family, are other entries.
    struct limited_source other = source_of(7, 300);
    other.by = LIMITED_NAK;
    limited_note(&sources, &other, 64);
    other.v6 = 1;
    limited_note(&sources, &other, 64);
    assert_int_equal(limited_read(&sources, out), 3);
}

static void the_longest_silent_one_gives_its_place(void **state)
{
    (void)state;
    memset(&sources, 0, sizeof sources);
    for (unsigned i = 0; i < LIMITED_SOURCES; i++)
        note(i, 1000 + i);
    note(0, 5000);
    note(77, 5001);
    assert_int_equal(limited_read(&sources, out), LIMITED_SOURCES);
    assert_null(found(1));
    assert_non_null(found(0));
    assert_int_equal(found(77)->n, 64);
}

// A writer that died within an entry.
static void an_unfinished_entry_is_left_out(void **state)
{
    (void)state;
    memset(&sources, 0, sizeof sources);
    note(1, 100);
    note(2, 100);
    atomic_fetch_add(&sources.entry[0].sequence, 1);
    assert_int_equal(limited_read(&sources, out), 1);
    assert_int_equal(out[0].prefix, 2);
}

enum { ROUNDS = 20000 };

static void *write_all(void *unused)
{
    (void)unused;
    // All words of an entry have the same number, so a mixture of two is seen.
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        const struct limited_source source = {i, i, i, 0, i};
        limited_note(&sources, &source, i);
    }
    return NULL;
}

static void a_reader_sees_whole_entries(void **state)
{
    (void)state;
    pthread_t writer;
    memset(&sources, 0, sizeof sources);
    assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
    for (unsigned i = 0; i < 2000; i++) {
        const size_t n = limited_read(&sources, out);
        for (size_t k = 0; k < n; k++)
            if (out[k].prefix != out[k].n || out[k].v6 != out[k].by || out[k].tsc != out[k].n ||
                out[k].v6 != out[k].n)
                fail_msg("a mixture of %lu and %lu", (unsigned long)out[k].prefix,
                         (unsigned long)out[k].tsc);
    }
    pthread_join(writer, NULL);
    assert_non_null(found(ROUNDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_is_one_entry),
        cmocka_unit_test(the_longest_silent_one_gives_its_place),
        cmocka_unit_test(an_unfinished_entry_is_left_out),
        cmocka_unit_test(a_reader_sees_whole_entries),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
