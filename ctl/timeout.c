#include "ctl/timeout.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MAX_S = 86400 };

bool timeout_read(const char *text, unsigned *seconds)
{
    char *end;
    unsigned long unit = 1;

    if (text[0] < '0' || text[0] > '9')
        return false;
    const unsigned long n = strtoul(text, &end, 10);
    if (strcmp(end, "m") == 0)
        unit = 60;
    else if (strcmp(end, "h") == 0)
        unit = 3600;
    else if (end[0] != '\0' && strcmp(end, "s") != 0)
        return false;
    if (n > TIMEOUT_MAX_S || n * unit > TIMEOUT_MAX_S)
        return false;
    *seconds = (unsigned)(n * unit);
    return true;
}
