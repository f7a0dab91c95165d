// `noonmarkctl keys export FILE`: a chronyd that is started later with FILE opens the cookies that
// noonmarkd gives out from now on. It cannot open those of our own keys, which have associated
// data. So new keys are made here, and the server takes the one that seals as it takes an imported
// key. FILE is durable before that. The keys go to the server over its socket, which root alone can
// use, and stand in no argument and in no log.
#include "ctl/keys_export.h"

#include "base/whole_file.h"
#include "ctl/chrony_keys.h"
#include "ctl/client.h"
#include "ctl/keys_changed.h"
#include "ctl/member.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    LINE_MAX_LEN = 32 + 8 + 1 + 2 * CHRONY_SECRET_LEN + 1,
    JAR = 8,             // cookies that a client keeps
    LONGEST_POLL = 1024, // s; of chronyd and ntpd, unless maxpoll says more
};

// All secrets of this process.
static struct {
    struct chrony_key key[CHRONY_FILE_KEYS];
    char text[CHRONY_TEXT_MAX];
    char line[LINE_MAX_LEN];
} secret;

struct target {
    const char *path;
    char aside[PATH_MAX]; // the new file until it takes FILE's place; then the former one
    bool replaces;        // there is a former one
};

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "noonmarkctl: %s: %s\n", path, why);
    return EXIT_FAILURE;
}

static bool make_keys(void)
{
    for (size_t i = 0; i < CHRONY_FILE_KEYS; i++) {
        struct chrony_key *key = &secret.key[i];
        if (getrandom(&key->id, sizeof key->id, 0) != sizeof key->id ||
            getrandom(key->secret, sizeof key->secret, 0) != sizeof key->secret)
            return false;
        key->id = chrony_keys_id(key->id, i);
    }
    return true;
}

// Writes the keys beside FILE.
static int write_aside(const struct target *target, size_t len)
{
    if (unlink(target->aside) < 0 && errno != ENOENT)
        return -errno;
    const int fd = open(target->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int err = whole_file_write(fd, secret.text, len);
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err < 0)
        unlink(target->aside);
    return err;
}

// The new file takes FILE's place. A former one stays aside until the server has the new keys.
static int put_in_place(struct target *target, bool force)
{
    int rc = renameat2(AT_FDCWD, target->aside, AT_FDCWD, target->path, RENAME_NOREPLACE);
    target->replaces = rc < 0 && errno == EEXIST && force;
    if (target->replaces)
        rc = renameat2(AT_FDCWD, target->aside, AT_FDCWD, target->path, RENAME_EXCHANGE);
    if (rc < 0) {
        const int err = -errno;
        unlink(target->aside);
        return err;
    }
    return 0;
}

// FILE is what it was before the export.
static void take_back(const struct target *target)
{
    if (target->replaces)
        renameat2(AT_FDCWD, target->aside, AT_FDCWD, target->path, RENAME_EXCHANGE);
    unlink(target->replaces ? target->aside : target->path);
    whole_file_sync_directory(target->path);
}

static void forget_former(const struct target *target)
{
    if (!target->replaces)
        return;
    unlink(target->aside);
    whole_file_sync_directory(target->path);
}

static int write_file(struct target *target, bool force)
{
    if (!make_keys())
        return complain("random octets for the keys", strerror(errno));
    if (snprintf(target->aside, sizeof target->aside, "%s.new", target->path) >=
        (int)sizeof target->aside)
        return complain(target->path, "the name is too long");
    int err = write_aside(target, chrony_keys_print(secret.key, secret.text));
    if (err == 0)
        err = put_in_place(target, force);
    if (err == 0) {
        err = whole_file_sync_directory(target->path);
        if (err < 0)
            take_back(target);
    }
    if (err == -EEXIST)
        return complain(target->path, "is there already, and cookies may need its keys; name "
                                      "another file, or give --force to replace it");
    return err == 0 ? EXIT_SUCCESS : complain(target->path, strerror(-err));
}

static void write_line(void)
{
    const struct chrony_key *key = &secret.key[CHRONY_FILE_SEALS];
    char *at = secret.line + sprintf(secret.line, "keys import-seal %08" PRIx32 ":", key->id);
    for (size_t i = 0; i < CHRONY_SECRET_LEN; i++)
        at += sprintf(at, "%02x", key->secret[i]);
}

static void show(const json_t *answer, const char *path, int64_t next_s)
{
    const int64_t wait_s = JAR * LONGEST_POLL;
    printf("exported: %s seals now; a chronyd that is started with %s as its ntskeys opens the "
           "cookies given out from now on\n"
           "that is so until the next rotation, in %" PRId64 " minutes: then another key seals\n"
           "cookies given out earlier do not open there: first let each client ask %d times "
           "(%" PRId64 " minutes at a polling interval of %d s)\n",
           member_text(answer, "current"), path, next_s / 60, JAR, wait_s / 60 + 1, LONGEST_POLL);
    if (next_s < wait_s)
        printf("the rotation comes before that: run `noonmarkctl keys rotate`, then export again "
               "with --force\n");
}

// Why the server's keys cannot be exported; NULL: they can, and the next rotation is in *next_s.
static const char *refusal(const json_t *keys, int64_t *next_s)
{
    if (json_is_object(json_object_get(keys, "fleet")))
        return "the keys are the fleet's, and the fleet's document decides which key seals; take "
               "`fleet` out of the configuration first";
    *next_s = member_number(keys, "next_rotation_s");
    return NULL;
}

static int have_it_seal(const struct call *call, const struct target *target, int64_t next_s)
{
    const struct request request = {
        secret.line, KEYS_CHANGE_TIMEOUT_S,
        "the keys may be in use all the same, so the file stays: see noonmarkctl keys and the "
        "server's log"};
    json_t *answer = client_ask(call, &request);
    if (answer == NULL) {
        forget_former(target);
        return EXIT_FAILURE;
    }
    const char *refused = json_string_value(json_object_get(answer, "refused"));
    if (refused != NULL)
        take_back(target);
    else
        forget_former(target);
    if (call->json)
        client_print(answer);
    else if (refused != NULL)
        fprintf(stderr, "noonmarkctl: refused, nothing has changed: %s\n", refused);
    else
        show(answer, call->file, next_s);
    json_decref(answer);
    return refused == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int export(const struct call *call)
{
    static const struct request keys = {"keys", CLIENT_TIMEOUT_S, client_otherwise};
    struct target target = {.path = call->file};
    int64_t next_s = 0;
    json_t *answer = client_ask(call, &keys);
    if (answer == NULL)
        return EXIT_FAILURE;
    const char *why = refusal(answer, &next_s);
    json_decref(answer);
    if (why != NULL) {
        fprintf(stderr, "noonmarkctl: refused, nothing has changed: %s\n", why);
        return EXIT_FAILURE;
    }
    if (write_file(&target, call->force) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    write_line();
    return have_it_seal(call, &target, next_s);
}

int keys_export(const struct call *call)
{
    if (mlock(&secret, sizeof secret) != 0) {
        fprintf(stderr, "noonmarkctl: memory for the keys cannot be locked: %s; run it as root\n",
                strerror(errno));
        return EXIT_FAILURE;
    }
    const int status = export(call);
    explicit_bzero(&secret, sizeof secret);
    return status;
}
