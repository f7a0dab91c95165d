#include "perf/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool seen;
static bool there;

void progress_open(bool quiet)
{
    seen = !quiet && isatty(STDERR_FILENO);
}

void progress_show(const char *format, ...)
{
    if (!seen)
        return;
    va_list arguments;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    fflush(stderr);
    va_end(arguments);
    there = true;
}

void progress_clear(void)
{
    if (seen && there)
        fputs("\r\033[K", stderr);
    there = false;
}
