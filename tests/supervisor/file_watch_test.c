// Whatever way a tool replaces a certificate, a look notices it.
#include "supervisor/file_watch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char home[] = "/tmp/file_watch_XXXXXX";
static struct config config;

static void put(const char *name, const char *text)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void link_to(const char *target, const char *name)
{
    unlink("aside");
    assert_int_equal(symlink(target, "aside"), 0);
    assert_int_equal(rename("aside", name), 0);
}

// True for the next look alone.
static bool sees(struct file_list *list)
{
    const bool seen = file_list_look(list);
    assert_false(file_list_look(list));
    return seen;
}

// The kernel's times of changes may be as far apart as its ticks.
static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static int set_up(void **state)
{
    char path[64];
    (void)state;
    if (mkdtemp(home) == NULL || chdir(home) != 0)
        return -1;
    config.control.watch_certificates = SWITCH_TRUE;
    config.control.n_certificates = 1;
    snprintf(path, sizeof path, "%s/chain", home);
    config.control.certificates[0].chain = strdup(path);
    snprintf(path, sizeof path, "%s/key", home);
    config.control.certificates[0].key = strdup(path);
    return 0;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    free(config.control.certificates[0].chain);
    free(config.control.certificates[0].key);
    snprintf(command, sizeof command, "rm -r %s", home);
    return system(command);
}

static void files(void **state)
{
    (void)state;
    put("chain", "one");
    put("key", "one");
    struct file_list *list = file_list_make(&config, true);
    assert_false(sees(list));
    put("aside", "two");
    assert_int_equal(rename("aside", "key"), 0);
    assert_true(sees(list));
    rest();
    put("chain", "six"); // in place, of the same length
    assert_true(sees(list));
    rest();
    // A tool may give a new file the time of an old one.
    put("chain", "ten");
    assert_int_equal(utimensat(AT_FDCWD, "chain", (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
    assert_true(sees(list));
    assert_int_equal(unlink("chain"), 0);
    assert_true(sees(list));
    put("chain", "one");
    assert_true(sees(list));
    file_list_free(list);
}

static void links(void **state)
{
    (void)state;
    // As certbot: live/name/fullchain.pem -> ../../archive/name/fullchain2.pem
    put("fullchain1", "one");
    put("fullchain2", "two");
    link_to("fullchain1", "chain");
    // As Kubernetes: key -> ..data/key, ..data -> ..2026_1
    assert_int_equal(mkdir("..1", 0700), 0);
    assert_int_equal(mkdir("..2", 0700), 0);
    put("..1/key", "one");
    put("..2/key", "two");
    link_to("..1", "..data");
    link_to("..data/key", "key");
    struct file_list *list = file_list_make(&config, true);
    assert_false(sees(list));
    link_to("fullchain2", "chain");
    assert_true(sees(list));
    link_to("..2", "..data");
    assert_true(sees(list));
    file_list_free(list);
}

// Those of another configuration may have changed before they were looked at first.
static void other_files_count_as_changed(void **state)
{
    (void)state;
    struct file_list *list = file_list_make(&config, false);
    assert_true(sees(list));
    file_list_free(list);
    config.control.watch_certificates = SWITCH_FALSE;
    list = file_list_make(&config, false);
    assert_false(sees(list));
    put("chain", "other");
    assert_false(sees(list));
    file_list_free(list);
    config.control.watch_certificates = SWITCH_TRUE;
}

static bool counts(uint64_t n)
{
    for (int i = 0; i < 3000 && file_watch_changes() < n; i++)
        rest();
    return file_watch_changes() >= n;
}

static void the_thread_looks(void **state)
{
    (void)state;
    assert_int_equal(file_watch_start(file_list_make(&config, true)), 0);
    unlink("chain");
    put("chain", "another");
    assert_true(counts(1));
    const uint64_t n = file_watch_changes();
    file_watch_replace(file_list_make(&config, false));
    assert_true(counts(n + 1));
    file_watch_replace(NULL);
    unlink("key");
    assert_true(counts(n + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(links),
        cmocka_unit_test(other_files_count_as_changed),
        cmocka_unit_test(the_thread_looks),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/file_watch", tests, set_up, tear_down);
}
