// The board's memfds: which process can write, which can only read, and that no process can change
// their size.
#include "board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fds {
    int control, dataplane, ke, control_ro, dataplane_ro, ke_ro;
};

static int setup(void **state)
{
    static struct fds fds;
    int fd[BOARD_SIDES];
    assert_int_equal(board_create(fd), 0);
    fds.control = fd[BOARD_CONTROL];
    fds.dataplane = fd[BOARD_DATAPLANE];
    fds.ke = fd[BOARD_KE];
    close(fd[BOARD_FACTS]);
    close(fd[BOARD_METRICS]);
    assert_int_equal(board_reopen_read_only(fds.control, &fds.control_ro), 0);
    assert_int_equal(board_reopen_read_only(fds.dataplane, &fds.dataplane_ro), 0);
    assert_int_equal(board_reopen_read_only(fds.ke, &fds.ke_ro), 0);
    *state = &fds;
    return 0;
}

static int teardown(void **state)
{
    struct fds *fds = *state;
    close(fds->control);
    close(fds->dataplane);
    close(fds->ke);
    close(fds->control_ro);
    close(fds->dataplane_ro);
    close(fds->ke_ro);
    return 0;
}

static void mode_is_0600_and_close_on_exec(void **state)
{
    struct fds *fds = *state;
    const int all[] = {fds->control,    fds->dataplane,    fds->ke,
                       fds->control_ro, fds->dataplane_ro, fds->ke_ro};
    for (int i = 0; i < 6; i++) {
        struct stat st;
        assert_int_equal(fstat(all[i], &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_uid, geteuid());
        assert_true(fcntl(all[i], F_GETFD) & FD_CLOEXEC);
    }
}

static void size_is_sealed(void **state)
{
    struct fds *fds = *state;
    const int all[] = {fds->control, fds->dataplane, fds->ke};
    for (int i = 0; i < 3; i++) {
        struct stat st;
        assert_int_equal(fstat(all[i], &st), 0);
        assert_int_equal(ftruncate(all[i], 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(all[i], st.st_size + 4096), -1);
        assert_int_equal(errno, EPERM);
        // A further seal would let one child lock out its own successor.
        assert_int_equal(fcntl(all[i], F_ADD_SEALS, F_SEAL_WRITE), -1);
        assert_int_equal(errno, EPERM);
    }
}

static void read_only_descriptor_cannot_be_mapped_writable(void **state)
{
    struct fds *fds = *state;
    struct board_control *control = NULL;
    assert_int_equal(board_map_control(fds->control_ro, true, &control), -EACCES);
    assert_null(control);
    struct board_dataplane *dataplane = NULL;
    assert_int_equal(board_map_dataplane(fds->dataplane_ro, true, &dataplane), -EACCES);
    assert_null(dataplane);
    struct board_ke *ke = NULL;
    assert_int_equal(board_map_ke(fds->ke_ro, true, &ke), -EACCES);
    assert_null(ke);

    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds->control_ro, 0);
    assert_ptr_equal(at, MAP_FAILED);
    assert_int_equal(write(fds->control_ro, "x", 1), -1);
    assert_int_equal(board_map_control(fds->control_ro, false, &control), 0);
    assert_int_equal(mprotect(control, 4096, PROT_READ | PROT_WRITE), -1);
    assert_int_equal(errno, EACCES);
    board_unmap_control(control);
}

// A reader that was handed a writable descriptor by mistake is told so.
static void writable_descriptor_is_refused_to_readers(void **state)
{
    struct fds *fds = *state;
    struct board_control *control = NULL;
    assert_int_equal(board_map_control(fds->control, false, &control), -EACCES);
    assert_null(control);
}

// The owner's mode keeps a child, whose uid is another, from opening its read-only descriptor anew
// for writing.
static void other_uid_cannot_reopen_for_writing(void **state)
{
    struct fds *fds = *state;
    if (geteuid() != 0) {
        print_message("# only root has other uids to try\n");
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fds->control_ro);
        if (setgid(64731) < 0 || setuid(64731) < 0)
            _exit(2);
        _exit(open(path, O_RDWR) < 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void sides_are_not_mistaken(void **state)
{
    struct fds *fds = *state;
    struct board_control *control = NULL;
    assert_int_equal(board_map_control(fds->dataplane, true, &control), -EINVAL);
    assert_int_equal(board_map_control(fds->ke, true, &control), -EINVAL);
    int unsealed = memfd_create("noonmark-test", MFD_CLOEXEC);
    assert_true(unsealed >= 0);
    assert_int_equal(ftruncate(unsealed, sizeof(struct board_control)), 0);
    assert_int_equal(board_map_control(unsealed, true, &control), -EINVAL);
    close(unsealed);
    assert_int_equal(board_map_control(-1, true, &control), -EBADF);
    assert_null(control);
}

// F1, F2: what a child has published is there for the other and for its own successor.
static void board_outlives_its_writer(void **state)
{
    struct fds *fds = *state;
    pid_t pid = fork();
    if (pid == 0) {
        struct board_control *mine;
        if (board_map_control(fds->control, true, &mine) != 0)
            _exit(1);
        struct ntp_state now = {.serving = 0, .stratum = 3};
        ntp_state_publish(&mine->ntp_state, &now);
        atomic_store(&mine->version, BOARD_VERSION);
        abort(); // no tidy end
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    struct board_control *theirs, *successor;
    assert_int_equal(board_map_control(fds->control_ro, false, &theirs), 0);
    assert_int_equal(board_map_control(fds->control, true, &successor), 0);
    assert_int_equal(atomic_load(&theirs->version), BOARD_VERSION);
    struct ntp_state_view view = {0};
    assert_true(ntp_state_refresh(&theirs->ntp_state, &view));
    assert_int_equal(view.state.stratum, 3);

    view.state.stratum = 4;
    ntp_state_publish(&successor->ntp_state, &view.state);
    assert_true(ntp_state_refresh(&theirs->ntp_state, &view));
    assert_int_equal(view.state.stratum, 4);
    board_unmap_control(theirs);
    board_unmap_control(successor);
}

// True when the mapping at `at` carries that flag in smaps.
static bool has_flag(const void *at, const char *flag)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    assert_non_null(smaps);
    char line[512];
    bool here = false, found = false;
    while (fgets(line, sizeof line, smaps) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = from == (unsigned long)(uintptr_t)at;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(smaps);
    return found;
}

// F5: the page with the keys is in no core dump.
static void mapping_is_kept_out_of_dumps(void **state)
{
    struct fds *fds = *state;
    struct board_control *control;
    assert_int_equal(board_map_control(fds->control, true, &control), 0);
    assert_true(has_flag(control, " dd"));
    board_unmap_control(control);
    board_unmap_control(NULL);
    board_unmap_dataplane(NULL);
    board_unmap_ke(NULL);
}

// How much of control's side is mapped here.
static size_t mapped_of_control(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    char line[512];
    size_t sum = 0;
    while (fgets(line, sizeof line, maps)) {
        unsigned long low, high;
        if (strstr(line, "noonmark-control") && sscanf(line, "%lx-%lx ", &low, &high) == 2)
            sum += high - low;
    }
    fclose(maps);
    return sum;
}

// The supervisor reads heartbeats; the pages that hold keys are not there for it.
static void head_is_without_keys(void **state)
{
    struct fds *fds = *state;
    struct board_control *control;
    const struct board_control *head;
    assert_int_equal(board_map_control_head(fds->control, &head), -EACCES);
    assert_int_equal(board_map_control_head(fds->dataplane_ro, &head), -EINVAL);
    assert_int_equal(board_map_control_head(fds->control_ro, &head), 0);
    assert_int_equal(mapped_of_control(), BOARD_PAGE);
    assert_int_equal(board_map_control(fds->control, true, &control), 0);
    assert_true(mapped_of_control() > 2 * BOARD_PAGE);
    atomic_store(&control->heartbeat, 42);
    assert_int_equal(atomic_load(&head->heartbeat), 42);
    board_unmap_control(control);
    board_unmap_control_head(head);
    board_unmap_control_head(NULL);
    assert_int_equal(mapped_of_control(), 0);
}

static void sides_start_at_zero(void **state)
{
    struct fds *fds = *state;
    struct board_dataplane *board;
    struct board_ke *ke;
    assert_int_equal(board_map_ke(fds->ke, true, &ke), 0);
    for (size_t i = 0; i < sizeof *ke; i++)
        assert_int_equal(((unsigned char *)ke)[i], 0);
    board_unmap_ke(ke);
    assert_int_equal(board_map_dataplane(fds->dataplane, true, &board), 0);
    for (size_t i = 0; i < sizeof *board; i++)
        assert_int_equal(((unsigned char *)board)[i], 0);
    board_unmap_dataplane(board);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mode_is_0600_and_close_on_exec, setup, teardown),
        cmocka_unit_test_setup_teardown(size_is_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(read_only_descriptor_cannot_be_mapped_writable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(writable_descriptor_is_refused_to_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(other_uid_cannot_reopen_for_writing, setup, teardown),
        cmocka_unit_test_setup_teardown(sides_are_not_mistaken, setup, teardown),
        cmocka_unit_test_setup_teardown(board_outlives_its_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(mapping_is_kept_out_of_dumps, setup, teardown),
        cmocka_unit_test_setup_teardown(head_is_without_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(sides_start_at_zero, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
