// The world of the keys' tests.
#include "tests/control/keys/keys_world.h"

#include "control/keys/key_file.h"
#include "tests/control/log_recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

atomic_bool sim_fsync_hangs;
sem_t sim_fsync_goes_on;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (atomic_load(&sim_fsync_hangs))
        sem_wait(&sim_fsync_goes_on);
    return __real_fsync(fd);
}

char keys_directory[64], keys_path[96];
struct config keys_config;
struct snapshot keys_ring;
uint64_t sim_now;

// F6: code under test must not read the calendar clock; if it does, the test ends. Monotonic time
// is the test's own.
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
time_t __wrap_time(time_t *t);
int __wrap_gettimeofday(struct timeval *t, void *zone);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME)
        abort();
    *t = (struct timespec){.tv_sec = (time_t)(sim_now / S), .tv_nsec = (long)(sim_now % S)};
    return 0;
}
time_t __wrap_time(time_t *t)
{
    (void)t;
    abort();
}
int __wrap_gettimeofday(struct timeval *t, void *zone)
{
    (void)t;
    (void)zone;
    abort();
}

int keys_world_setup(void **state)
{
    (void)state;
    strcpy(keys_directory, "/tmp/noonmark-keys-XXXXXX");
    if (mkdtemp(keys_directory) == NULL)
        return -1;
    snprintf(keys_path, sizeof keys_path, "%s/keys", keys_directory);
    memset(&keys_config, 0, sizeof keys_config);
    keys_config.keys.file = keys_path;
    keys_config.keys.rotate_s = 86400;
    keys_config.keys.keep = 3;
    memset(&keys_ring, 0, sizeof keys_ring);
    log_recorder_clear();
    sim_now = 1000 * S;
    return 0;
}

int keys_world_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", keys_directory);
    return system(command);
}

struct keys *keys_world_open(void)
{
    struct keys *keys = NULL;
    assert_int_equal(keys_open(&keys_config, &keys), 0);
    keys_publish(keys, &keys_ring);
    return keys;
}

uint64_t keys_world_settle(struct keys *keys)
{
    for (;;) {
        uint64_t next = keys_turn(keys, &keys_ring, sim_now);
        if (next != sim_now + S / 100)
            return next;
        usleep(100);
    }
}

struct keyring_record keys_world_published(void)
{
    struct keyring_record record;
    uint64_t seen;
    assert_true(snapshot_read(&keys_ring, &record, sizeof record, &seen));
    return record;
}

uint64_t keys_world_publications(void)
{
    // CK-8: a retired key may not stay behind in the slot that is not read.
    assert_memory_equal(keys_ring.slot[0], keys_ring.slot[1], sizeof keys_ring.slot[0]);
    return atomic_load(&keys_ring.sequence) / 2;
}

struct key_set keys_world_on_disk(void)
{
    struct key_file_moment moment;
    struct key_set set;
    assert_int_equal(key_file_moment_now(&moment), 0);
    assert_int_equal(key_file_read(keys_path, &moment, &set), KEY_FILE_GOOD);
    return set;
}

void keys_world_check_durable(void)
{
    struct keyring_record record = keys_world_published();
    struct key_set set = keys_world_on_disk();
    assert_int_equal(record.n, set.n);
    for (uint32_t i = 0; i < set.n; i++) {
        assert_int_equal(record.entry[i].id, set.key[i].id);
        assert_memory_equal(record.entry[i].secret, set.key[i].secret, COOKIE_KEY_LEN);
    }
}
