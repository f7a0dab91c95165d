// The fleet's secret is taken from a file that nobody else can read; the document is put whole.
#include "etcd/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char home[] = "/tmp/noonmark-disk-XXXXXX", path[64], why[DISK_WHY_MAX];

static void put(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static bool reads(void)
{
    uint8_t secret[SEAL_KEY_LEN];
    return disk_read_seal(path, geteuid(), secret, why);
}

#define DIGITS "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100"

static void a_secret_is_read(void **state)
{
    (void)state;
    uint8_t secret[SEAL_KEY_LEN];
    put(DIGITS "\n", 0600);
    assert_true(disk_read_seal(path, geteuid(), secret, why));
    assert_int_equal(secret[1], 0x11);
    assert_int_equal(secret[17], 0xee);
    put(DIGITS, 0640); // the group may read
    assert_true(reads());
}

static void what_others_can_read_is_no_secret(void **state)
{
    (void)state;
    static const mode_t modes[] = {0644, 0660, 0601, 0622, 0610};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        put(DIGITS "\n", modes[i]);
        assert_false(reads());
        assert_non_null(strstr(why, "chmod"));
    }
}

static void what_is_no_secret_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "\n",
        "0011",      DIGITS "00\n",
        DIGITS " x", "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(texts[i], 0600);
        assert_false(reads());
        assert_null(strstr(why, "0011")); // nothing of it is told
    }
    unlink(path);
    assert_false(reads());
    assert_int_equal(mkfifo(path, 0600), 0); // does not block
    assert_false(reads());
    unlink(path);
}

static void a_password_is_the_first_line(void **state)
{
    (void)state;
    char password[DISK_PASSWORD_MAX];
    put("pass word\r\nmore", 0600);
    assert_true(disk_read_password(path, geteuid(), password, why));
    assert_string_equal(password, "pass word");
    put("\nx", 0600);
    assert_false(disk_read_password(path, geteuid(), password, why));
}

static void a_document_replaces_the_one_before(void **state)
{
    (void)state;
    char text[64];
    size_t len = 9;
    struct stat st;
    unlink(path);
    assert_true(disk_read_document(path, text, sizeof text, &len, why));
    assert_int_equal(len, 0);
    put("the older, longer one", 0644);
    assert_true(disk_write_document(path, "new", 3, why));
    assert_true(disk_read_document(path, text, sizeof text, &len, why));
    assert_int_equal(len, 3);
    assert_memory_equal(text, "new", 3);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(disk_write_document("/nowhere/at/all", "new", 3, why));
    assert_non_null(strstr(why, "/nowhere/at/all"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_read),
        cmocka_unit_test(what_others_can_read_is_no_secret),
        cmocka_unit_test(what_is_no_secret_is_refused),
        cmocka_unit_test(a_password_is_the_first_line),
        cmocka_unit_test(a_document_replaces_the_one_before),
    };
    if (mkdtemp(home) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/file", home);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(home);
    return failed;
}
