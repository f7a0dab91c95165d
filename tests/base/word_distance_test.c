// The distance of two words.
#include "base/word_distance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void each_slip_counts_one(void **state)
{
    (void)state;
    assert_int_equal(word_distance("status", "status"), 0);
    assert_int_equal(word_distance("statu", "status"), 1);
    assert_int_equal(word_distance("sstatus", "status"), 1);
    assert_int_equal(word_distance("stadus", "status"), 1);
    assert_int_equal(word_distance("kyes", "keys"), 1); // two letters exchanged
    assert_int_equal(word_distance("ca", "abc"), 3);    // no letter is moved twice
    assert_int_equal(word_distance("", "keys"), 4);
    assert_int_equal(word_distance("keys", ""), 4);
    assert_int_equal(word_distance("kitten", "sitting"), 3);
}

static void the_longest_words_have_room(void **state)
{
    (void)state;
    assert_int_equal(word_distance("aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd",
                                   "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD"),
                     WORD_DISTANCE_MAX_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slip_counts_one),
        cmocka_unit_test(the_longest_words_have_room),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("base/word_distance", tests, NULL, NULL);
}
