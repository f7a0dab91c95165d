// Reading and writing the key file; the order of the system calls makes it safe.
#include "control/keys/key_file.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/whole_file.h"
#include "control/keys/key_file_format.h"
#include "crypto/registers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int key_file_moment_now(struct key_file_moment *moment)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char text[64] = {0};
    ssize_t len = read(fd, text, sizeof text - 1);
    int err = len < 0 ? -errno : 0;
    close(fd);
    if (err < 0)
        return err;

    struct key_file_moment now = {0};
    unsigned digits = 0;
    for (const char *c = text; *c != '\0' && digits < 32; c++)
        if (hex_digit(*c) >= 0) {
            now.boot[digits / 2] = (uint8_t)(now.boot[digits / 2] << 4 | hex_digit(*c));
            digits++;
        }

    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now.now_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    *moment = now;
    return 0;
}

// Why an open file cannot be one that control wrote; NULL when it can.
static const char *refusal(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "it is not a plain file";
    if (st->st_uid != geteuid())
        return "it belongs to another user";
    if ((st->st_mode & 077) != 0)
        return "other users have rights to it; chmod 600 it if nobody can have read it";
    if (st->st_size != KEY_FILE_LEN)
        return "its length is wrong";
    return NULL;
}

// Reads one of the two files. 0, -ENOENT when there is none, or -EBADMSG with *why set to the
// reason.
static int read_one(const char *path, const struct key_file_moment *moment, struct key_set *set,
                    const char **why)
{
    // O_NONBLOCK: a FIFO at the path would block the start.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    if (fd < 0) {
        *why = errno == ELOOP ? "it is a symbolic link" : strerror(errno);
        return -EBADMSG;
    }

    struct stat st;
    uint8_t octets[KEY_FILE_LEN];
    ssize_t len = 0;
    *why = fstat(fd, &st) < 0 ? strerror(errno) : refusal(&st);
    if (*why == NULL)
        len = whole_file_read(fd, octets, sizeof octets);
    close(fd);
    if (*why == NULL && len < 0)
        *why = strerror((int)-len);
    if (*why == NULL && len != KEY_FILE_LEN)
        *why = "it is too short";
    if (*why == NULL)
        *why = key_file_decode(octets, moment, set);
    bytes_wipe(octets, sizeof octets);
    registers_wipe(); // copying keys leaves them in vector registers
    return *why == NULL ? 0 : -EBADMSG;
}

// Makes the name of a file beside FILE. False when it does not fit.
static bool beside(const char *path, const char *suffix, char out[KEY_FILE_PATH_MAX + 8])
{
    int n = snprintf(out, KEY_FILE_PATH_MAX + 8, "%s%s", path, suffix);
    return n > 0 && n < KEY_FILE_PATH_MAX + 8;
}

void key_file_set_aside(const char *path)
{
    char refused[KEY_FILE_PATH_MAX + 16];
    int n = snprintf(refused, sizeof refused, "%s.refused", path);
    if (n > 0 && n < (int)sizeof refused && rename(path, refused) == 0)
        log_warning("the refused key file is kept as %s", refused);
}

enum key_file_found key_file_read(const char *path, const struct key_file_moment *moment,
                                  struct key_set *set)
{
    char previous_path[KEY_FILE_PATH_MAX + 8];
    if (!beside(path, ".1", previous_path)) {
        log_error("the key file's name is too long");
        return KEY_FILE_BAD;
    }
    struct key_set *previous = secret_alloc(sizeof *previous);
    if (previous == NULL) {
        log_error("no memory to read the key file");
        return KEY_FILE_BAD;
    }

    const char *why = NULL, *previous_why = NULL;
    int err = read_one(path, moment, set, &why);
    int previous_err = read_one(previous_path, moment, previous, &previous_why);
    if (err == -EBADMSG)
        log_error("key file %s refused: %s", path, why);
    if (previous_err == -EBADMSG)
        log_error("key file %s refused: %s", previous_path, previous_why);

    enum key_file_found found;
    if (err == 0 && (previous_err != 0 || previous->generation <= set->generation)) {
        found = KEY_FILE_GOOD;
    } else if (previous_err == 0) {
        // Also when FILE is older: then somebody has put a backup in its place, and clients have
        // cookies under the newer keys.
        log_warning("cookie keys come from %s, because %s is %s", previous_path, path,
                    err == 0         ? "older"
                    : err == -ENOENT ? "missing"
                                     : "bad");
        *set = *previous;
        found = KEY_FILE_PREVIOUS;
    } else {
        found = err == -ENOENT && previous_err == -ENOENT ? KEY_FILE_NONE : KEY_FILE_BAD;
    }
    secret_free(previous, sizeof *previous);
    registers_wipe();
    return found;
}

// Writes the octets to a new file and syncs it.
static int write_aside(const char *path, const uint8_t *octets)
{
    if (unlink(path) < 0 && errno != ENOENT) // a killed writer may have left it
        return -errno;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int err = whole_file_write(fd, octets, KEY_FILE_LEN);
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err < 0)
        unlink(path);
    return err;
}

// Keeps the contents of FILE as FILE.1 if it is a good set: a bad file must not replace a good
// FILE.1.
static int keep_previous(const char *path, const char *previous_path,
                         const struct key_file_moment *moment)
{
    struct key_set *set = secret_alloc(sizeof *set);
    if (set == NULL)
        return -ENOMEM;
    const char *why;
    int err = read_one(path, moment, set, &why);
    secret_free(set, sizeof *set);
    if (err < 0)
        return 0;
    // A link, not a rename: FILE exists at every moment.
    if (unlink(previous_path) < 0 && errno != ENOENT)
        return -errno;
    return link(path, previous_path) < 0 ? -errno : 0;
}

// The names of the files of one key file.
struct names {
    char aside[KEY_FILE_PATH_MAX + 8], previous[KEY_FILE_PATH_MAX + 8];
};

// Writes the set to FILE.new, durable but not in use.
static int prepare(const char *path, const struct key_file_moment *moment,
                   const struct key_set *set, struct names *names)
{
    if (!beside(path, ".new", names->aside) || !beside(path, ".1", names->previous))
        return -ENAMETOOLONG;
    uint8_t octets[KEY_FILE_LEN];
    key_file_encode(set, moment, octets);
    int err = write_aside(names->aside, octets);
    bytes_wipe(octets, sizeof octets);
    registers_wipe();
    return err;
}

// FILE.new takes FILE's place, unless an earlier step has failed with err.
static int put_in_place(const char *path, const struct names *names, int err)
{
    if (err == 0 && rename(names->aside, path) < 0)
        err = -errno;
    if (err < 0) {
        unlink(names->aside);
        return err;
    }
    return whole_file_sync_directory(path);
}

int key_file_write(const char *path, const struct key_file_moment *moment,
                   const struct key_set *set)
{
    struct names names;
    int err = prepare(path, moment, set, &names);
    if (err < 0)
        return err;
    return put_in_place(path, &names, keep_previous(path, names.previous, moment));
}

// Removes the files from which revoked keys could come back. They are gone before FILE changes.
static int remove_earlier(const char *path, const struct names *names)
{
    char refused[KEY_FILE_PATH_MAX + 16];
    snprintf(refused, sizeof refused, "%s.refused", path);
    if (unlink(names->previous) < 0 && errno != ENOENT)
        return -errno;
    if (unlink(refused) < 0 && errno != ENOENT)
        return -errno;
    return whole_file_sync_directory(path);
}

int key_file_replace(const char *path, const struct key_file_moment *moment,
                     const struct key_set *set)
{
    struct names names;
    int err = prepare(path, moment, set, &names);
    if (err < 0)
        return err;
    err = put_in_place(path, &names, remove_earlier(path, &names));
    if (err < 0)
        return err;
    if (link(path, names.previous) < 0)
        return -errno;
    return whole_file_sync_directory(path);
}
