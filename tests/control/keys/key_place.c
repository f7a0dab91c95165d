// A directory with a key file in it.
#include "tests/control/keys/key_place.h"

#include "control/keys/key_file_format.h"
#include "tests/control/log_recorder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char key_directory[64], key_path[96], key_previous[96], key_aside[96];
const struct key_file_moment key_moment = {.boot = {1, 2, 3}, .now_ns = INT64_C(1000000000000)};

void key_place_clean(void)
{
    unlink(key_path);
    rmdir(key_path);
    unlink(key_previous);
    unlink(key_aside);
}

int key_place_setup(void **state)
{
    (void)state;
    strcpy(key_directory, "/tmp/noonmark-key-file-XXXXXX");
    if (mkdtemp(key_directory) == NULL)
        return -1;
    snprintf(key_path, sizeof key_path, "%s/keys", key_directory);
    snprintf(key_previous, sizeof key_previous, "%s/keys.1", key_directory);
    snprintf(key_aside, sizeof key_aside, "%s/keys.new", key_directory);
    log_recorder_clear();
    return 0;
}

int key_place_teardown(void **state)
{
    (void)state;
    key_place_clean();
    return rmdir(key_directory);
}

struct key_set key_place_set(uint64_t generation, uint32_t n)
{
    struct key_set set = {.generation = generation, .n = n};
    for (uint32_t i = 0; i < n; i++) {
        set.key[i].id = (uint32_t)generation * 100 + 2 * i;
        set.key[i].made_ns = key_moment.now_ns - (int64_t)(i + 1) * 5000000007;
        memset(set.key[i].secret, (int)(16 * generation + i), COOKIE_KEY_LEN);
    }
    return set;
}

void key_place_put(const char *to, const uint8_t *octets, size_t len)
{
    unlink(to);
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, len), len);
    close(fd);
}

void key_place_put_set(const char *to, const struct key_set *set)
{
    uint8_t octets[KEY_FILE_LEN];
    key_file_encode(set, &key_moment, octets);
    key_place_put(to, octets, sizeof octets);
}

bool key_place_same(const struct key_set *a, const struct key_set *b)
{
    if (a->generation != b->generation || a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->key[i].id != b->key[i].id || a->key[i].made_ns != b->key[i].made_ns ||
            a->key[i].foreign_ad != b->key[i].foreign_ad ||
            memcmp(a->key[i].secret, b->key[i].secret, COOKIE_KEY_LEN) != 0)
            return false;
    return true;
}
