// Text from outside must not control a terminal.
#include "base/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *expected)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", text);
    printable(copy, strlen(copy));
    assert_string_equal(copy, expected);
}

static void plain_text_stays(void **state)
{
    (void)state;
    expect("", "");
    expect("net_af_xdp, ~ \"eth0\"", "net_af_xdp, ~ \"eth0\"");
    expect("Gr\xc3\xbc\xc3\x9f"
           "e \xe2\x82\xac \xf0\x9f\x95\x92 \xc2\xa0",
           "Gr\xc3\xbc\xc3\x9f"
           "e \xe2\x82\xac \xf0\x9f\x95\x92 \xc2\xa0");
}

static void control_characters_go(void **state)
{
    (void)state;
    expect("a\x1b[31mb\x1b]0;title\x07"
           "c",
           "a [31mb ]0;title c");
    expect("one\r\ntwo\tthree\x7f", "one  two three ");
    // C1: CSI, OSC and ST, as UTF-8 and as bare octets.
    expect("x\xc2\x9b"
           "2Jy\xc2\x80\xc2\x9f",
           "x  2Jy    ");
    expect("x\x9b"
           "2Jy\x9d"
           "0;t\x9c",
           "x 2Jy 0;t ");
    char nul[] = {'a', 0, 'b'};
    printable(nul, sizeof nul);
    assert_memory_equal(nul, "a b", 3);
}

static void direction_and_line_marks_go(void **state)
{
    (void)state;
    expect("a\xe2\x80\xae"
           "b\xe2\x81\xa6"
           "c\xe2\x80\xa8"
           "d\xd8\x9c"
           "e",
           "a   b   c   d  e");
}

// RFC 3629: surrogates, overlong forms, too high values, and what is cut off.
static void what_is_no_utf8_goes(void **state)
{
    (void)state;
    expect("\xed\xa0\x80!", "   !");
    expect("\xc0\x9b!", "  !");
    expect("\xe0\x80\x9b!", "   !");
    expect("\xf0\x80\x80\x9b!", "    !");
    expect("\xf4\x90\x80\x80!", "    !");
    expect("\xff\xfe!", "  !");
    expect("cut \xe2\x82", "cut   ");
    expect("cut \xc3", "cut  ");
    expect("\xc3\x1b[0m", "  [0m");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(control_characters_go),
        cmocka_unit_test(direction_and_line_marks_go),
        cmocka_unit_test(what_is_no_utf8_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
