#include "control/keys/fleet_read.h"

#include "base/bounds.h"
#include "base/bytes.h"
#include "base/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = KEY_PATH_MAX + 32 };

void fleet_look(const char *path, struct fleet_look *look)
{
    struct stat st;
    *look = (struct fleet_look){0};
    if (stat(path, &st) < 0) {
        look->err = -errno;
        return;
    }
    look->device = (uint64_t)st.st_dev;
    look->inode = (uint64_t)st.st_ino;
    look->size = (int64_t)st.st_size;
    look->changed = st.st_ctim;
    look->modified = st.st_mtim;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool fleet_look_equal(const struct fleet_look *a, const struct fleet_look *b)
{
    return a->err == b->err && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && same_time(&a->changed, &b->changed) &&
           same_time(&a->modified, &b->modified);
}

// Why an open file is not to be read; NULL when it may be.
static const char *refusal(const struct stat *st, bool root_too)
{
    if (!S_ISREG(st->st_mode))
        return "it is not a plain file";
    if (st->st_uid != geteuid() && !(root_too && st->st_uid == 0))
        return root_too ? "it belongs neither to root nor to control.user; chown it"
                        : "it belongs to another user";
    if ((st->st_mode & 07) != 0)
        return "other users have rights to it; chmod 640 it if nobody can have read it";
    if ((st->st_mode & (root_too ? 020 : 070)) != 0)
        return "its group has rights to it that it must not have; chmod 640 it";
    if (st->st_size > FLEET_TEXT_MAX)
        return "it is too long for a document";
    return NULL;
}

bool fleet_read(const char *path, bool root_too, char text[FLEET_TEXT_MAX], size_t *len,
                struct fleet_document *document, char *why, size_t why_len)
{
    // O_NONBLOCK: a FIFO at the path would block. Links are followed: Kubernetes' are.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        snprintf(why, why_len, "%s%s", strerror(errno),
                 errno == EACCES ? "; control.user must be able to read it" : "");
        return false;
    }
    struct stat st;
    struct fleet_error error;
    const char *fault = fstat(fd, &st) < 0 ? strerror(errno) : refusal(&st, root_too);
    const ssize_t n = fault == NULL ? whole_file_read(fd, text, FLEET_TEXT_MAX) : 0;
    close(fd);
    if (fault == NULL && n < 0)
        fault = strerror((int)-n);
    if (fault != NULL) {
        snprintf(why, why_len, "%s", fault);
        return false;
    }
    *len = (size_t)n;
    if (fleet_document_parse(text, *len, document, &error))
        return true;
    if (error.line > 0)
        snprintf(why, why_len, "line %u: %s", error.line, error.text);
    else
        snprintf(why, why_len, "%s", error.text);
    return false;
}

int fleet_write(const char *path, const char *text, size_t len)
{
    char aside[PATH_LEN];
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
        return -ENAMETOOLONG;
    if (unlink(aside) < 0 && errno != ENOENT) // a killed writer may have left it
        return -errno;
    const int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int err = whole_file_write(fd, text, len);
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err == 0 && rename(aside, path) < 0)
        err = -errno;
    if (err < 0) {
        unlink(aside);
        return err;
    }
    return whole_file_sync_directory(path);
}
