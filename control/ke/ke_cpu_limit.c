#include "control/ke/ke_cpu_limit.h"

#include "base/mix.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    LINES_LOG2 = 9, // of a level
    ACCOUNTS = 16,  // of a line
    LEVELS = 3,     // host, network, block
    NOT_THERE = ACCOUNTS,
    NS_PER_S = 1000000000,
};

// Loads are in ns of what a host may take: a network's time is divided by KE_CPU_NETWORK.
struct line {
    uint64_t stamp_ns;      // when the loads were right
    uint32_t tag[ACCOUNTS]; // 0: free
    double load[ACCOUNTS];
    double error[ACCOUNTS];
};

struct ke_cpu_limit {
    uint64_t secret[LEVELS]; // never changes
    pthread_mutex_t lock;    // of what follows; writers and readers: the loops
    struct line line[LEVELS][1 << LINES_LOG2];
};

// Where an account is.
struct place {
    struct line *line;
    uint32_t tag;
};

static const unsigned v4_bits[LEVELS] = {0, 8, 12}; // that a level leaves out of a host's
static const unsigned v6_bits[LEVELS] = {0, 8, 16};
static const double share[LEVELS] = {1, KE_CPU_NETWORK, KE_CPU_BLOCK};

struct ke_cpu_limit *ke_cpu_limit_open(void)
{
    struct ke_cpu_limit *limit = calloc(1, sizeof *limit);
    if (limit == NULL)
        return NULL;
    if (getrandom(limit->secret, sizeof limit->secret, 0) != sizeof limit->secret) {
        free(limit);
        return NULL;
    }
    pthread_mutex_init(&limit->lock, NULL);
    return limit;
}

// Clients see no hash, so they cannot search for sources that share a line with a victim.
static uint64_t hash(const struct ke_cpu_limit *limit, uint64_t prefix, uint64_t kind)
{
    const uint64_t *secret = limit->secret;
    return mix_words(mix_words(prefix ^ secret[0], secret[1] | 1) ^ secret[1] ^ kind,
                     secret[2] | 1);
}

static struct place find_place(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                               unsigned level)
{
    const unsigned bits = (from->ip_version == 4 ? v4_bits : v6_bits)[level];
    const uint64_t h = hash(limit, from->host >> bits, from->ip_version);
    const uint32_t tag = (uint32_t)h;
    return (struct place){.line = &limit->line[level][h >> (64 - LINES_LOG2)],
                          .tag = tag == 0 ? 1 : tag};
}

static void decay(struct line *line, const struct ke_cpu_rate *rate, uint64_t now)
{
    if (now <= line->stamp_ns)
        return;
    // The time in which a load falls to 1/e: with it, a steady rate comes to just the burst.
    const double tau_ns = (double)rate->burst_ns / (double)rate->ns_per_s * NS_PER_S;
    const double factor = exp(-(double)(now - line->stamp_ns) / tau_ns);

    line->stamp_ns = now;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        line->load[i] *= factor;
        line->error[i] *= factor;
    }
}

static unsigned find(const struct line *line, uint32_t tag)
{
    for (unsigned i = 0; i < ACCOUNTS; i++)
        if (line->tag[i] == tag)
            return i;
    return NOT_THERE;
}

static unsigned enter(struct line *line, uint32_t tag)
{
    unsigned at = 0;
    for (unsigned i = 1; i < ACCOUNTS; i++)
        if (line->load[i] < line->load[at])
            at = i;
    line->tag[at] = tag;
    line->error[at] = line->load[at];
    return at;
}

void ke_cpu_limit_charge(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                         uint64_t cpu_ns, const struct ke_cpu_rate *rate, uint64_t now)
{
    pthread_mutex_lock(&limit->lock);
    for (unsigned i = 0; i < LEVELS; i++) {
        const struct place place = find_place(limit, from, i);
        decay(place.line, rate, now);
        unsigned at = find(place.line, place.tag);
        if (at == NOT_THERE)
            at = enter(place.line, place.tag);
        place.line->load[at] += (double)cpu_ns / share[i];
    }
    pthread_mutex_unlock(&limit->lock);
}

bool ke_cpu_limit_is_over(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                          const struct ke_cpu_rate *rate, uint64_t now)
{
    bool over = false;

    pthread_mutex_lock(&limit->lock);
    for (unsigned i = 0; i < LEVELS && !over; i++) {
        const struct place place = find_place(limit, from, i);
        decay(place.line, rate, now);
        const unsigned at = find(place.line, place.tag);
        over = at != NOT_THERE &&
               place.line->load[at] - place.line->error[at] >= (double)rate->burst_ns;
    }
    pthread_mutex_unlock(&limit->lock);
    return over;
}

void ke_cpu_limit_close(struct ke_cpu_limit *limit)
{
    if (limit == NULL)
        return;
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}
