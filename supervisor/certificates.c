// Files are copied through a mapping of the memfd, so no other memory contains a key.
#include "supervisor/certificates.h"

#include "base/log.h"
#include "supervisor/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Maps a memfd whose size is fixed.
static int map(int fd, struct certificate_file *made)
{
    static struct log_limit limit;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    *made = (struct certificate_file){.fd = fd, .len = (size_t)st.st_size};
    if (made->len == 0)
        return 0;
    void *at = mmap(NULL, made->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    made->at = at;
    (void)madvise(at, made->len, MADV_DONTDUMP);
    if (mlock(at, made->len) != 0) // best effort: a container may forbid it
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "the keys of certificates cannot be locked into memory: %s", strerror(errno));
    return 0;
}

static void close_file(struct certificate_file *file)
{
    if (file->at != NULL) {
        explicit_bzero(file->at, file->len);
        munmap(file->at, file->len);
    }
    close(file->fd);
}

// Fills a copy. 0, -EAGAIN when the file changes at the same time, or another -errno.
static int fill(const struct certificate_file *copy, int from)
{
    size_t have = 0;

    while (have < copy->len) {
        const ssize_t n = pread(from, copy->at + have, copy->len - have, (off_t)have);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -EAGAIN;
        if (n > 0)
            have += (size_t)n;
    }
    char more;
    return pread(from, &more, 1, (off_t)have) == 0 ? 0 : -EAGAIN;
}

static int copy_file(int from, const char *kind, struct certificate_file *made)
{
    struct stat st;

    if (fstat(from, &st) != 0)
        return -errno;
    if (st.st_size > CERTIFICATE_LEN_MAX)
        return -EFBIG;
    const int fd = memfd_create(kind, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int error = 0;
    struct certificate_file copy = {.fd = fd};
    if (ftruncate(fd, st.st_size) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        error = -errno;
    if (error == 0)
        error = map(fd, &copy);
    if (error == 0)
        error = fill(&copy, from);
    if (error == 0)
        *made = copy;
    else
        close_file(&copy);
    return error;
}

static void say(const char *path, const char *key, int error)
{
    if (error == -EFBIG)
        log_error("%s (%s) is longer than %d octets; is it a PEM file?", path, key,
                  CERTIFICATE_LEN_MAX);
    else if (error == -EAGAIN)
        log_error("%s (%s) was changed while it was read; try again", path, key);
    else
        log_error("cannot read %s (%s): %s", path, key, strerror(-error));
}

static int add(struct certificates *c, const char *path, const char *key)
{
    const int from = files_open_certificate(path, key);
    if (from < 0)
        return from;
    char kind[32];
    snprintf(kind, sizeof kind, "noonmark-%s", key);
    const int error = copy_file(from, kind, &c->file[c->n]);
    close(from);
    if (error == 0)
        c->n++;
    else
        say(path, key, error);
    return error;
}

int certificates_read(const struct config *config, struct certificates *made)
{
    struct certificates c = {0};
    int error = 0;

    for (uint32_t i = 0; i < config->control.n_certificates && error == 0; i++) {
        error = add(&c, config->control.certificates[i].chain, "chain");
        if (error == 0)
            error = add(&c, config->control.certificates[i].key, "key");
    }
    if (error == 0 && config->control.pool.tokens[0] != '\0')
        error = add(&c, config->control.pool.tokens, "tokens");
    if (error == 0)
        *made = c;
    else
        certificates_close(&c);
    return error;
}

int certificates_take(const int *fd, uint32_t n, struct certificates *made)
{
    struct certificates c = {0};
    int error = n <= CERTIFICATE_FILES_MAX ? 0 : -E2BIG;

    for (uint32_t i = 0; i < n; i++) {
        if (error == 0)
            error = map(fd[i], &c.file[i]);
        if (error == 0)
            c.n++;
        else
            close(fd[i]);
    }
    if (error == 0) {
        *made = c;
        return 0;
    }
    log_error("cannot take over the copies of certificates: %s", strerror(-error));
    certificates_close(&c);
    return error;
}

bool certificates_equal(const struct certificates *a, const struct certificates *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct certificate_file *in_a = &a->file[i];
        const struct certificate_file *in_b = &b->file[i];
        if (in_a->len != in_b->len || (in_a->len > 0 && memcmp(in_a->at, in_b->at, in_a->len) != 0))
            return false;
    }
    return true;
}

void certificates_close(struct certificates *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        close_file(&c->file[i]);
    c->n = 0;
}
