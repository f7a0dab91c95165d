// F2: the socket of a crashed memif server does not prevent the next start.
#include "dataplane/port/eal/vdev.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void test_socket_of_text(void **state)
{
    (void)state;
    char path[32];
    assert_true(vdev_socket("net_memif0,role=server,socket=/run/m.sock,socket-abstract=no", path,
                            sizeof path));
    assert_string_equal(path, "/run/m.sock");
    assert_true(
        vdev_socket("net_memif7,socket-abstract=no,id=3,socket=/a,role=master", path, sizeof path));
    assert_string_equal(path, "/a");

    static const char *const none[] = {
        "net_memif0",
        "net_memif0,role=client,socket=/run/m.sock,socket-abstract=no",
        "net_memif0,role=server,socket=/run/m.sock", // abstract
        "net_memif0,role=server,socket=/run/m.sock,socket-abstract=yes",
        "net_memif0,role=server,socket=,socket-abstract=no",
        "net_memif0,role=server,socket-abstract=no",
        "net_memif0,role=server,xsocket=/run/m.sock,socket-abstract=no",
        "net_null0,role=server,socket=/run/m.sock,socket-abstract=no",
        "net_memif0,role=server,socket=/a/path/that/is/too/long/for/its/place,socket-abstract=no",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(vdev_socket(none[i], path, sizeof path));
}

struct place {
    char dir[32];
    char text[192];
    struct sockaddr_un name;
};

static int make_place(void **state)
{
    static struct place place;
    place = (struct place){.name.sun_family = AF_UNIX};
    strcpy(place.dir, "/tmp/vdev-XXXXXX");
    if (!mkdtemp(place.dir))
        return -1;
    snprintf(place.name.sun_path, sizeof place.name.sun_path, "%s/s", place.dir);
    snprintf(place.text, sizeof place.text, "net_memif0,role=server,socket=%s,socket-abstract=no",
             place.name.sun_path);
    *state = &place;
    return 0;
}

static int clear_place(void **state)
{
    struct place *place = *state;
    unlink(place->name.sun_path);
    return rmdir(place->dir);
}

static int listen_at(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)name, sizeof *name), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void test_clears_what_nobody_holds(void **state)
{
    struct place *place = *state;
    struct stat about;
    int fd = listen_at(&place->name);
    assert_int_equal(vdev_prepare_socket(place->text), 0); // it is alive
    assert_int_equal(stat(place->name.sun_path, &about), 0);
    close(fd);
    assert_int_equal(vdev_prepare_socket(place->text), 0); // now it is dead
    assert_int_equal(stat(place->name.sun_path, &about), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(vdev_prepare_socket(place->text), 0); // and gone
}

// Whoever may write to the directory could make the socket first, in the server's place.
static void test_refuses_a_directory_of_others(void **state)
{
    struct place *place = *state;
    assert_int_equal(chmod(place->dir, 01777), 0); // as /tmp: the sticky bit keeps no name free
    assert_int_equal(vdev_prepare_socket(place->text), -EPERM);
    assert_int_equal(chmod(place->dir, 0770), 0);
    assert_int_equal(vdev_prepare_socket(place->text), -EPERM);
    assert_int_equal(chmod(place->dir, 0755), 0);
    assert_int_equal(vdev_prepare_socket(place->text), 0);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(place->dir, 65534, 65534), 0);
    assert_int_equal(vdev_prepare_socket(place->text), -EPERM);
}

// A wrong path in the configuration deletes no file.
static void test_keeps_what_is_no_socket(void **state)
{
    struct place *place = *state;
    struct stat about;
    FILE *file = fopen(place->name.sun_path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(vdev_prepare_socket(place->text), 0);
    assert_int_equal(stat(place->name.sun_path, &about), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket_of_text),
        cmocka_unit_test_setup_teardown(test_clears_what_nobody_holds, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_refuses_a_directory_of_others, make_place,
                                        clear_place),
        cmocka_unit_test_setup_teardown(test_keeps_what_is_no_socket, make_place, clear_place),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("vdev", tests, NULL, NULL);
}
