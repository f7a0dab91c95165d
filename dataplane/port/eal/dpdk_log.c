#include "dataplane/port/eal/dpdk_log.h"

#include "dataplane/port/xdp/foreign_log.h"

#include <rte_log.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

enum { LINE_MAX_LEN = 256 };

// DPDK writes pieces of lines, from several threads.
static struct {
    pthread_mutex_t lock;    // protects all members below
    char line[LINE_MAX_LEN]; // the text since the last newline
    size_t len;
} stream = {.lock = PTHREAD_MUTEX_INITIALIZER};

// Takes a piece of text; a newline ends a line. The caller holds the lock.
static void take_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n') {
            if (stream.len < LINE_MAX_LEN - 1)
                stream.line[stream.len++] = text[i];
            continue;
        }
        stream.line[stream.len] = '\0';
        stream.len = 0;
        foreign_log_line(stream.line);
    }
}

static ssize_t from_dpdk(void *cookie, const char *text, size_t len)
{
    (void)cookie;
    if (rte_log_cur_msg_loglevel() > (int)RTE_LOG_WARNING)
        return (ssize_t)len;
    pthread_mutex_lock(&stream.lock);
    take_text(text, len);
    pthread_mutex_unlock(&stream.lock);
    return (ssize_t)len;
}

int dpdk_log_route(void)
{
    FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){.write = from_dpdk});
    if (!file)
        return -ENOMEM;
    setvbuf(file, NULL, _IOLBF, BUFSIZ);
    rte_openlog_stream(file); // stays open for the life of the process
    return 0;
}
