#include "perf/load/tally.h"

#include <math.h>
#include <string.h>

const struct tally_row tally_rows[TALLY_ITEMS] = {
    [TALLY_SENT] = {"sent", "requests sent", TALLY_OF_REQUESTS},
    [TALLY_ANSWERED] = {"answered", "answered in time", TALLY_OF_REQUESTS},
    [TALLY_VERIFIED] = {"verified", "with a verified authenticator", TALLY_OF_REQUESTS},
    [TALLY_INTERLEAVED] = {"interleaved", "in interleaved mode", TALLY_OF_REQUESTS},
    [TALLY_LATE] = {"late", "answered too late", TALLY_OF_REQUESTS},
    [TALLY_LOST] = {"lost", "never answered", TALLY_OF_REQUESTS},
    [TALLY_NAK] = {"nak", "NTS NAKs", TALLY_OF_REQUESTS},
    [TALLY_KISS_RATE] = {"RATE", "kiss code RATE", TALLY_OF_KISSES},
    [TALLY_KISS_DENY] = {"DENY", "kiss code DENY", TALLY_OF_KISSES},
    [TALLY_KISS_RSTR] = {"RSTR", "kiss code RSTR", TALLY_OF_KISSES},
    [TALLY_KISS_OTHER] = {"other", "other kiss codes", TALLY_OF_KISSES},
    [TALLY_WRONG_LENGTH] = {"length", "not an NTP packet's length, or longer than the request",
                            TALLY_OF_WRONG},
    [TALLY_WRONG_ORIGIN] = {"origin", "the origin timestamp of no request", TALLY_OF_WRONG},
    [TALLY_WRONG_MISDIRECTED] = {"misdirected", "another client's reply", TALLY_OF_WRONG},
    [TALLY_WRONG_DUPLICATE] = {"duplicate", "a second reply to a request", TALLY_OF_WRONG},
    [TALLY_WRONG_HEADER] = {"header", "version, mode, poll or stratum not of a reply",
                            TALLY_OF_WRONG},
    [TALLY_WRONG_TIME] = {"time", "impossible timestamps", TALLY_OF_WRONG},
    [TALLY_WRONG_TRUNCATED] = {"truncated", "ends within a field", TALLY_OF_WRONG},
    [TALLY_WRONG_FIELDS] = {"fields", "fields that were not requested", TALLY_OF_WRONG},
    [TALLY_WRONG_IDENTIFIER] = {"identifier", "not the request's unique identifier",
                                TALLY_OF_WRONG},
    [TALLY_WRONG_UNAUTHENTICATED] = {"unauthenticated", "no authenticator", TALLY_OF_WRONG},
    [TALLY_WRONG_TAG] = {"tag", "wrong authenticator", TALLY_OF_WRONG},
    [TALLY_WRONG_COOKIES] = {"cookies", "no cookies, too many, or of another length",
                             TALLY_OF_WRONG},
    [TALLY_WRONG_FORGERY] = {"forgery", "a forged request answered like a genuine one",
                             TALLY_OF_WRONG},
    [TALLY_UNSENT_BEHIND] = {"behind", "the tester was behind its schedule", TALLY_OF_UNSENT},
    [TALLY_UNSENT_COOKIE] = {"no_cookie", "no client had a cookie", TALLY_OF_UNSENT},
    [TALLY_UNSENT_PATH] = {"not_taken", "the kernel or the port accepted no more", TALLY_OF_UNSENT},
    [TALLY_UNSENT_OPEN] = {"too_many_open", "as many sessions as --open permits were open",
                           TALLY_OF_UNSENT},
    [TALLY_OPEN] = {"open", "open when the run was stopped", TALLY_OF_REQUESTS},
    [TALLY_COOKIES] = {"cookies", "cookies received", TALLY_OF_REQUESTS},
};

void spread_init(struct spread *spread)
{
    histogram_init(&spread->above);
    histogram_init(&spread->below);
    spread->mean = 0;
    spread->squares = 0;
}

void tally_init(struct tally *tally)
{
    memset(tally->count, 0, sizeof tally->count);
    histogram_init(&tally->latency);
    histogram_init(&tally->processing);
    spread_init(&tally->offset);
}

uint64_t spread_n(const struct spread *spread)
{
    return spread->above.n + spread->below.n;
}

// Welford's algorithm, because a sum of squares would lose its low digits.
void spread_add(struct spread *spread, int64_t ns)
{
    if (ns < 0)
        histogram_add(&spread->below, (uint64_t)-ns);
    else
        histogram_add(&spread->above, (uint64_t)ns);
    double distance = (double)ns - spread->mean;
    spread->mean += distance / (double)spread_n(spread);
    spread->squares += distance * ((double)ns - spread->mean);
}

static void spread_merge(struct spread *into, const struct spread *from)
{
    double n = (double)spread_n(into);
    double m = (double)spread_n(from);
    if (m == 0)
        return;
    double distance = from->mean - into->mean;
    into->squares += from->squares + distance * distance * n * m / (n + m);
    into->mean += distance * m / (n + m);
    histogram_merge(&into->above, &from->above);
    histogram_merge(&into->below, &from->below);
}

double spread_deviation(const struct spread *spread)
{
    uint64_t n = spread_n(spread);
    return n < 2 ? 0 : sqrt(spread->squares / (double)(n - 1));
}

int64_t spread_quantile(const struct spread *spread, double share)
{
    double wanted = share * (double)spread_n(spread);
    double below = (double)spread->below.n;
    if (spread->below.n == 0 || (wanted > below && spread->above.n > 0))
        return (int64_t)histogram_quantile(&spread->above,
                                           (wanted - below) / (double)spread->above.n);
    // The rank among the absolute values counts from above; half a rank is subtracted so that
    // rounding does not change it.
    double rank = fmin(fmax(ceil(wanted), 1), below);
    return -(int64_t)histogram_quantile(&spread->below, (below - rank + 0.5) / below);
}

int64_t spread_min(const struct spread *spread)
{
    if (spread->below.n > 0)
        return -(int64_t)spread->below.max;
    return spread->above.n > 0 ? (int64_t)spread->above.min : 0;
}

int64_t spread_max(const struct spread *spread)
{
    if (spread->above.n > 0)
        return (int64_t)spread->above.max;
    return spread->below.n > 0 ? -(int64_t)spread->below.min : 0;
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (unsigned i = 0; i < TALLY_ITEMS; i++)
        into->count[i] += from->count[i];
    histogram_merge(&into->latency, &from->latency);
    histogram_merge(&into->processing, &from->processing);
    spread_merge(&into->offset, &from->offset);
}

uint64_t tally_sum(const struct tally *tally, enum tally_group group)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < TALLY_ITEMS; i++)
        sum += tally_rows[i].group == group ? tally->count[i] : 0;
    return sum;
}

double tally_loss(const struct tally *tally)
{
    uint64_t sent = tally->count[TALLY_SENT];
    uint64_t missing = tally->count[TALLY_LOST] + tally->count[TALLY_LATE];
    return sent == 0 ? 0 : (double)missing / (double)sent;
}
