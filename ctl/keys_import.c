// `noonmarkctl keys import FILE`: the keys with which chronyd has sealed its clients' cookies. The
// file is read here, as root: control can open no file outside of its directory. The keys go to it
// over its socket, which root alone can use, and stand in no argument and in no log.
#include "ctl/keys_import.h"

#include "ctl/chrony_keys.h"
#include "ctl/client.h"
#include "ctl/keys_changed.h"
#include "ctl/member.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 4096,
    REQUEST_MAX = 64 + COOKIE_KEYS_MAX * (8 + 1 + 2 * CHRONY_SECRET_LEN + 1),
};

// All secrets of this process.
static struct {
    char text[FILE_MAX];
    struct chrony_keys keys;
    char line[REQUEST_MAX];
} secret;

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "noonmarkctl: %s: %s\n", path, why);
    return -1;
}

static bool is_chronys(uid_t user)
{
    static const char *const names[] = {"_chrony", "chrony"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct passwd *entry = getpwnam(names[i]);
        if (entry != NULL && entry->pw_uid == user)
            return true;
    }
    return false;
}

// Why somebody else than chronyd may have written or read an open file; NULL: nobody can have.
static const char *refusal(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "it is not a plain file";
    if (st->st_uid != 0 && st->st_uid != geteuid() && !is_chronys(st->st_uid))
        return "it belongs neither to root nor to chronyd's user; chown it if nobody else can have "
               "read or changed it";
    if ((st->st_mode & 077) != 0)
        return "other users have rights to it; chmod 600 it if nobody can have read it";
    if (st->st_size >= FILE_MAX)
        return "it is too long for a file of chronyd's keys";
    return NULL;
}

// Reads the file into secret.text. Its length, or -1 with a message.
static ssize_t read_file(const char *path)
{
    struct stat st;
    // O_NONBLOCK: nobody would write to a FIFO.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return complain(path, errno == ELOOP ? "it is a symbolic link; name the file itself"
                                             : strerror(errno));
    const char *why = fstat(fd, &st) < 0 ? strerror(errno) : refusal(&st);
    size_t len = 0;
    while (why == NULL && len < sizeof secret.text) {
        ssize_t n = read(fd, secret.text + len, sizeof secret.text - len);
        if (n < 0)
            why = strerror(errno);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    return why == NULL ? (ssize_t)len : complain(path, why);
}

// Makes the request's line of the keys.
static void write_line(bool seal)
{
    char *at = secret.line + sprintf(secret.line, "keys import%s", seal ? "-seal" : "");
    for (uint32_t i = 0; i < secret.keys.n; i++) {
        const struct chrony_key *key = &secret.keys.key[i];
        at += sprintf(at, " %08" PRIx32 ":", key->id);
        for (size_t j = 0; j < CHRONY_SECRET_LEN; j++)
            at += sprintf(at, "%02x", key->secret[j]);
    }
}

static void show(const json_t *answer, FILE *out)
{
    fprintf(out, "imported: %" PRId64 " keys; %s seals now, %" PRId64 " keys\n",
            member_number(answer, "imported"), member_text(answer, "current"),
            member_number(answer, "keys"));
}

static int import(const struct call *call)
{
    struct chrony_fault fault;
    const ssize_t len = read_file(call->file);
    if (len < 0)
        return EXIT_FAILURE;
    if (!chrony_keys_read(secret.text, (size_t)len, &secret.keys, &fault)) {
        fprintf(stderr, "noonmarkctl: %s:%u: %s\n", call->file, fault.line, fault.what);
        return EXIT_FAILURE;
    }
    if (secret.keys.n_foreign > 0)
        fprintf(stderr,
                "noonmarkctl: %s: %" PRIu32 " old keys are of another AEAD than 15 and are "
                "left out\n",
                call->file, secret.keys.n_foreign);
    write_line(call->seal);
    const struct request request = {
        secret.line, KEYS_CHANGE_TIMEOUT_S,
        "the import may go on all the same: see noonmarkctl keys and the server's log"};
    return client_run(call, &request, show);
}

int keys_import(const struct call *call)
{
    if (mlock(&secret, sizeof secret) != 0) {
        fprintf(stderr, "noonmarkctl: memory for the keys cannot be locked: %s; run it as root\n",
                strerror(errno));
        return EXIT_FAILURE;
    }
    const int status = import(call);
    explicit_bzero(&secret, sizeof secret);
    return status;
}
