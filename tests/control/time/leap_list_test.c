// F29: the list of leap seconds, as the IERS publishes it and as it may be broken.
#include "control/time/leap_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// 2015-07-01 and 2017-01-01 were behind leap seconds. The third one is invented.
#define HEAD                                                                                       \
    "#\tA comment\n#$\t 3945196800\n#@\t3960057600\n"                                              \
    "3439756800      34      # 1 Jan 2009\n3550089600      35      # 1 Jul 2012\n"                 \
    "3644697600      36      # 1 Jul 2015\n"
#define GOOD HEAD "3692217600      37      # 1 Jan 2017\n#h\t49db2447 571e5e1b\n"

static void as_published(void **state)
{
    (void)state;
    struct leap_list list;
    assert_true(leap_list_parse(GOOD, strlen(GOOD), &list));
    assert_int_equal(list.expires_s, 1751068800);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.leap[0].at_s, 1341100800);
    assert_int_equal(list.leap[2].at_s, 1483228800);
    assert_int_equal(list.leap[2].by, 1);
}

static void the_last_ones_are_kept(void **state)
{
    (void)state;
    char text[2048] = GOOD;
    for (int i = 1; i <= 4; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%lld %d\r\n",
                 3692217600LL + i * 86400LL * 365, i == 4 ? 39 : 37 + i);
    struct leap_list list;
    assert_true(leap_list_parse(text, strlen(text), &list));
    assert_int_equal(list.n, LEAP_LIST_LAST);
    assert_int_equal(list.leap[3].at_s, 1483228800 + 4 * 86400 * 365);
    assert_int_equal(list.leap[3].by, -1); // a second is deleted
    assert_int_equal(list.leap[0].by, 1);
    text[strlen(text) - 2] = '\0'; // no end of the last line
    assert_true(leap_list_parse(text, strlen(text), &list));
    assert_int_equal(list.n, LEAP_LIST_LAST);
}

static void broken(void **state)
{
    (void)state;
    static const char *const text[] = {
        "",
        "#@ 3960057600\n",                   // nothing but the expiry
        "3439756800 34\n3550089600 35\n",    // no expiry
        HEAD "3692217600\n",                 // no difference
        HEAD "3692217600 38\n",              // two seconds
        HEAD "3692217600 36\n",              // none
        HEAD "3692217601 37\n",              // no midnight
        HEAD "3644697600 37\n",              // the same once more
        HEAD "3550089600 37\n",              // out of order
        HEAD "-3692217600 37\n",             //
        HEAD "36922176000000000000000 37\n", // more than a number holds
        HEAD "word\n",
        "#@\n" HEAD,
    };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct leap_list list = {.n = 77};
        if (leap_list_parse(text[i], strlen(text[i]), &list))
            fail_msg("taken: %s", text[i]);
        assert_int_equal(list.n, 77);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static struct leap_list of_file(const char *path)
{
    struct leap_file *file = NULL;
    struct leap_list list = {0};
    assert_int_equal(leap_file_open(path, &file), 0);
    assert_true(leap_file_take(file, &list));
    assert_false(leap_file_take(file, &list));
    leap_file_close(file);
    return list;
}

static void from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/noonmark-leap-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, GOOD);
    assert_int_equal(of_file(path).n, 3);
    write_file(path, HEAD "junk\n");
    assert_int_equal(of_file(path).fault, -EBADMSG);
    unlink(path);
    const struct leap_list none = of_file(path);
    assert_int_equal(none.fault, -ENOENT);
    assert_int_equal(none.expires_s, 0);
    assert_string_equal(leap_list_fault(none.fault), "No such file or directory");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_published),
        cmocka_unit_test(the_last_ones_are_kept),
        cmocka_unit_test(broken),
        cmocka_unit_test(from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
