// chronyd's file of keys: both of its forms, and every fault with its line.
#include "ctl/chrony_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECRET(c) c c c c c c c c c c c c c c c c // 64 digits of a word of four

static const char old_form[] =
    "NKS0\n15 4.2\n"
    "A0000002 " SECRET("0102") "\n"
                               "B0000003 " SECRET("0304") "\n"
                                                          "C0000000 " SECRET(
                                                              "0506") "\n"
                                                                      "D0000001 " SECRET(
                                                                          "aBcD") "\n";

static const char new_form[] =
    "NKS1\n604799.9\n"
    "A0000002 " SECRET("0102") " 15\n"
                               "B0000003 00112233445566778899aabbccddeeff 30\n"
                               "C0000000 " SECRET(
                                   "0506") " 15\n"
                                           "D0000001 00112233445566778899aabbccddeeff 30\n";

static void expect_key(const struct chrony_key *key, uint32_t id, uint8_t first, uint8_t last)
{
    assert_int_equal(key->id, id);
    for (size_t i = 0; i < CHRONY_SECRET_LEN; i++)
        assert_int_equal(key->secret[i], i % 2 == 0 ? first : last);
}

static void the_key_that_seals_comes_first(void **state)
{
    (void)state;
    struct chrony_keys keys;
    struct chrony_fault fault;
    assert_true(chrony_keys_read(old_form, strlen(old_form), &keys, &fault));
    assert_int_equal(keys.n, 3); // the future key has sealed nothing
    assert_int_equal(keys.n_foreign, 0);
    expect_key(&keys.key[0], 0xc0000000, 5, 6);
    expect_key(&keys.key[1], 0xb0000003, 3, 4);
    expect_key(&keys.key[2], 0xa0000002, 1, 2);
}

static void keys_of_another_aead_are_left_out(void **state)
{
    (void)state;
    struct chrony_keys keys;
    struct chrony_fault fault;
    assert_true(chrony_keys_read(new_form, strlen(new_form), &keys, &fault));
    assert_int_equal(keys.n, 2);
    assert_int_equal(keys.n_foreign, 1);
    expect_key(&keys.key[0], 0xc0000000, 5, 6);
    expect_key(&keys.key[1], 0xa0000002, 1, 2);
}

#define HEAD "NKS1\n1.0\n"
#define GOOD "A0000002 " SECRET("0102") " 15\n"

static void each_fault_has_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        const char *what;
    } cases[] = {
        {"", 1, "first line is NKS0 or NKS1"},
        {"NKS2\n1.0\n", 1, "first line is NKS0 or NKS1"},
        {"NKS1 x\n", 1, "first line is NKS0 or NKS1"},
        {"NKS1\n", 1, "the second line has an age"},
        {"NKS1\n15 1.0\n", 2, "the second line has an age"},
        {"NKS0\n1.0\n", 2, "the AEAD and an age"},
        {"NKS0\n0 1.0\n", 2, "the AEAD and an age"},
        {"NKS0\n99999 1.0\n", 2, "the AEAD and an age"},
        {HEAD, 2, "less than two keys"},
        {HEAD GOOD, 3, "less than two keys"},
        {HEAD GOOD "\n", 4, "an id, the key and its AEAD"},
        {HEAD GOOD "A0000003 " SECRET("0102") "\n", 4, "an id, the key and its AEAD"},
        {HEAD GOOD "A0000003 " SECRET("0102") " 15 x\n", 4, "an id, the key and its AEAD"},
        {HEAD "A000003 " SECRET("0102") " 15\n", 3, "an id has eight digits"},
        {HEAD "A000000G " SECRET("0102") " 15\n", 3, "an id has eight digits"},
        {HEAD "A0000003 " SECRET("0102") " x\n", 3, "the AEAD is no number"},
        {HEAD "A0000003 " SECRET("0102") "0 15\n", 3, "64 digits"},
        {HEAD "A0000003 " SECRET("010g") " 15\n", 3, "64 digits"},
        {HEAD "A0000003 00112233445566778899aabbccddeeff 30\n" GOOD, 4, "another AEAD"},
        {HEAD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD, 11, "more keys"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct chrony_keys keys;
        struct chrony_fault fault;
        assert_false(chrony_keys_read(cases[i].text, strlen(cases[i].text), &keys, &fault));
        if (fault.line != cases[i].line || strstr(fault.what, cases[i].what) == NULL)
            fail_msg("%zu: line %u: %s", i, fault.line, fault.what);
    }
}

// A file that ends anywhere is read or refused; nothing beyond its end is read (the text stands at
// the end of its memory).
static void a_torn_file_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(old_form); len++) {
        struct chrony_keys keys;
        struct chrony_fault fault;
        char *text = test_malloc(len);
        memcpy(text, old_form, len);
        // Whole lines are no fault by themselves: chronyd writes its file whole.
        const bool whole = len + 1 >= strlen(old_form) || (len > 0 && old_form[len - 1] == '\n') ||
                           old_form[len] == '\n';
        assert_true(!chrony_keys_read(text, len, &keys, &fault) || whole);
        test_free(text);
    }
}

// chronyd finds a key by the two lowest bits of its id, and refuses a file in which they do not
// follow one another.
static void a_printed_file_is_read_again(void **state)
{
    (void)state;
    struct chrony_key key[CHRONY_FILE_KEYS];
    struct chrony_keys keys;
    struct chrony_fault fault;
    char text[CHRONY_TEXT_MAX];
    for (size_t i = 0; i < CHRONY_FILE_KEYS; i++) {
        key[i].id = chrony_keys_id(0xfedcba9f, i);
        memset(key[i].secret, (int)(0x1a + i), sizeof key[i].secret);
    }
    const size_t len = chrony_keys_print(key, text);
    assert_memory_equal(text, "NKS0\n15 0.0\nFEDCBA9C 1A1A", 25);
    assert_int_equal(text[len - 1], '\n');
    assert_true(chrony_keys_read(text, len, &keys, &fault));
    assert_int_equal(keys.n, CHRONY_FILE_KEYS - 1);
    assert_int_equal(key[CHRONY_FILE_SEALS].id, 0xfedcba9e);
    for (size_t i = 0; i < keys.n; i++)
        expect_key(&keys.key[i], (uint32_t)(0xfedcba9e - i), (uint8_t)(0x1c - i),
                   (uint8_t)(0x1c - i));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_that_seals_comes_first),
        cmocka_unit_test(keys_of_another_aead_are_left_out),
        cmocka_unit_test(each_fault_has_its_line),
        cmocka_unit_test(a_torn_file_is_refused),
        cmocka_unit_test(a_printed_file_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
