// Files that the supervisor opens or makes.
#include "supervisor/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/nm-sup-XXXXXX";
static char keys[64], file[96];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    snprintf(keys, sizeof keys, "%s/keys", mkdtemp(directory));
    snprintf(file, sizeof file, "%s/file", keys);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    if (rmdir(keys) != 0)
        unlink(keys);
    return rmdir(directory);
}

// F13: only control's user can access the key file.
static void the_key_directory_is_made_for_control_alone(void **state)
{
    (void)state;
    const struct user user = {geteuid() == 0 ? 64732 : geteuid(),
                              geteuid() == 0 ? 64733 : getegid()};
    struct stat st;
    umask(0);
    assert_int_equal(files_key_directory(file, &user), 0);
    assert_int_equal(stat(keys, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(st.st_uid, user.uid);
    assert_int_equal(st.st_gid, user.gid);
    assert_int_equal(files_key_directory(file, &user), 0); // and found again

    assert_int_equal(chmod(keys, 0770), 0);
    assert_int_equal(files_key_directory(file, &user), -EEXIST);
    assert_int_equal(chmod(keys, 0700), 0);
    const struct user other = {user.uid + 1, user.gid};
    assert_int_equal(files_key_directory(file, &other), -EEXIST);
}

static void a_link_is_not_followed(void **state)
{
    (void)state;
    const struct user user = {64732, 64733};
    struct stat before, after;
    assert_int_equal(stat("/tmp", &before), 0);
    assert_int_equal(symlink("/tmp", keys), 0);
    assert_int_equal(files_key_directory(file, &user), -ENOTDIR);
    assert_int_equal(stat("/tmp", &after), 0);
    assert_int_equal(before.st_uid, after.st_uid);
}

static void certificates_are_files(void **state)
{
    (void)state;
    const int fd = files_open_certificate("/etc/passwd", "chain");
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    close(fd);
    assert_int_equal(files_open_certificate("/nonexistent", "chain"), -ENOENT);
    assert_int_equal(files_open_certificate("/tmp", "key"), -EINVAL);
    assert_int_equal(files_open_certificate("/dev/null", "key"), -EINVAL);
    snprintf(file, sizeof file, "%s/fifo", directory);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(files_open_certificate(file, "key"), -EINVAL); // and does not wait
    unlink(file);
    mkdir(keys, 0700);
}

static void the_configuration_is_sealed_and_read_twice(void **state)
{
    (void)state;
    static const char text[] = "dataplane: {cores: [1], ports: [{interface: eth0}]}\n"
                               "control: {certificates: [{chain: /c, key: /k}]}\n"
                               "time: {stratum: 1, reference_id: GPS}\n";
    struct config *config, *again;
    struct config_error error;
    snprintf(file, sizeof file, "%s/c.yaml", directory);
    FILE *out = fopen(file, "w");
    fputs(text, out);
    fclose(out);
    assert_int_equal(config_load(file, &config, &error), 0);
    unlink(file);

    const int fd = files_config(config);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
    for (int i = 0; i < 2; i++) { // each child reads from the start
        const int own = files_reopen(fd);
        assert_true(own >= 0);
        assert_int_equal(config_load_fd(own, "memfd", &again, &error), 0);
        assert_string_equal(again->dataplane.ports[0].device, "eth0");
        config_free(again);
        close(own);
    }
    close(fd);
    config_free(config);
    mkdir(keys, 0700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_key_directory_is_made_for_control_alone, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_link_is_not_followed, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(certificates_are_files, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(the_configuration_is_sealed_and_read_twice, make_directory,
                                        remove_directory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/files", tests, NULL, NULL);
}
