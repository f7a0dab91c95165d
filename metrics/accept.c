// Which format a request's header Accept prefers (RFC 9110, section 12.5.1).
#include "metrics/exposition.h"

#include <string.h>
#include <strings.h>

// The weight of a media range, in thousandths: ";q=0.25" is 250. 1000 without one.
static int weight_of(const char *range, size_t len)
{
    int weight = 0, digit = 1000;

    for (size_t i = 0; i + 2 < len; i++) {
        if (strncasecmp(range + i, "q=", 2) != 0 ||
            strchr("; \t", range[i > 0 ? i - 1 : 0]) == NULL)
            continue;
        for (i += 2; i < len && digit > 0; i++) {
            if (range[i] == '.')
                continue;
            if (range[i] < '0' || range[i] > '9')
                break;
            weight += digit * (range[i] - '0');
            digit /= 10;
        }
        return weight;
    }
    return 1000;
}

// The largest weight (q) that the header gives to this type by its name; 0 if it does not name it.
static int weight_in(const char *accept, const char *type)
{
    int most = 0;

    for (const char *range = accept; *range != '\0';) {
        range += strspn(range, ", \t");
        const size_t len = strcspn(range, ","), name = strcspn(range, ",; \t");
        if (name == strlen(type) && strncasecmp(range, type, name) == 0) {
            const int weight = weight_of(range, len);
            most = weight > most ? weight : most;
        }
        range += len;
    }
    return most;
}

enum exposition_format exposition_format_for(const char *accept)
{
    const int new = accept == NULL ? 0 : weight_in(accept, "application/openmetrics-text");
    return new > 0 && new >= weight_in(accept, "text/plain") ? EXPOSITION_OPENMETRICS
                                                             : EXPOSITION_TEXT;
}
