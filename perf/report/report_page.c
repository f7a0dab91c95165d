#include "perf/report/report_page.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char marker[] = "@RUNS@";

// In JSON, '<' occurs only in strings, where it can be written as an escape. Without '<' the data
// cannot contain "</script>" or "<!--".
static int put_json(const char *octets, size_t len, void *out)
{
    for (size_t i = 0; i < len; i++) {
        if (octets[i] == '<')
            fputs("\\u003c", out);
        else
            putc(octets[i], out);
    }
    return 0;
}

// 0 or -errno.
static int put_page(json_t *data, FILE *out)
{
    const unsigned char *at = memmem(report_page, report_page_len, marker, sizeof marker - 1);
    assert(at != NULL);
    const unsigned char *rest = at + sizeof marker - 1;
    errno = 0;
    fwrite(report_page, 1, (size_t)(at - report_page), out);
    // Only ASCII: U+2028 and similar characters become escapes, too.
    if (json_dump_callback(data, put_json, out, JSON_COMPACT | JSON_ENSURE_ASCII) != 0)
        return -ENOMEM;
    fwrite(rest, 1, (size_t)(report_page + report_page_len - rest), out);
    if (fflush(out) != 0 || ferror(out))
        return errno == 0 ? -EIO : -errno;
    return 0;
}

// Sets the mode that open() would give to a new file; mkstemp sets 0600.
static mode_t mode_of_new_file(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

int report_page_write(json_t *data, const char *path)
{
    if (strcmp(path, "-") == 0)
        return put_page(data, stdout);

    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EEXIST; // a device must not be replaced

    char *aside;
    if (asprintf(&aside, "%s.XXXXXX", path) < 0)
        return -ENOMEM;
    int err = 0;
    int fd = mkstemp(aside);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (out == NULL) {
        err = -errno;
        goto fail;
    }
    err = put_page(data, out);
    if (err == 0 && fchmod(fd, mode_of_new_file()) != 0)
        err = -errno;
    if (err == 0 && fsync(fd) != 0)
        err = -errno;
    if (fclose(out) != 0 && err == 0)
        err = -errno;
    if (err == 0 && rename(aside, path) != 0)
        err = -errno;
fail:
    if (err != 0 && fd >= 0)
        unlink(aside);
    free(aside);
    return err;
}
