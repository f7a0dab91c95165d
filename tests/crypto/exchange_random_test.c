// SIV-5: every kernel equals the slow path bit for bit on random exchanges of all shapes, genuine
// and broken, and touches nothing that is not its own.
//
//   exchange_random_test [--seed N] [--exchanges N] [VARIANT]...
//
// Without names all variants that this machine can run. What fails names the seed of its burst:
// `--seed THAT --exchanges 1` makes it again.
#include "tests/crypto/exchange_random.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VARIANTS_MAX = 16, PROGRESS = 100000, ENOUGH = 100000 };

struct trial {
    const struct exchange_variant *variant;
    bool failed;
};

// What runs now, for the handler of a touch outside the lanes.
static char now[200];

static void on_touch(int number)
{
    static const char text[] = "# a touch outside the lanes' memory: ";
    (void)!write(STDOUT_FILENO, text, sizeof text - 1);
    (void)!write(STDOUT_FILENO, now, strlen(now));
    (void)!write(STDOUT_FILENO, "\n", 1);
    raise(number); // to its default, by SA_RESETHAND
}

static const struct exchange_variant *variant_named(const char *name)
{
    for (unsigned i = 0; exchange_variants[AEAD_SIV_CMAC_256][i] != NULL; i++)
        if (strcmp(exchange_variants[AEAD_SIV_CMAC_256][i]->name, name) == 0)
            return exchange_variants[AEAD_SIV_CMAC_256][i];
#ifdef __x86_64__
    if (strcmp(exchange_vaes512_emulated.name, name) == 0)
        return &exchange_vaes512_emulated;
#endif
    return NULL;
}

static void try_burst(struct trial *trial, struct random_burst *burst, uint64_t seed)
{
    if (trial->failed || !trial->variant->usable())
        return;
    snprintf(now, sizeof now, "%s, --seed %llu --exchanges 1", trial->variant->name,
             (unsigned long long)seed);
    const char *fault = random_burst_fault(burst, trial->variant);
    if (fault == NULL)
        return;
    trial->failed = true;
    printf("# %s: %s\n", now, fault);
}

// The first thing that no burst had; NULL when there was everything.
static const char *missing(const struct random_seen *seen)
{
    if (seen->proven < seen->lanes / 4 || seen->proven > seen->lanes / 8 * 7)
        return "genuine and broken lanes";
    for (unsigned i = 1; i <= LANES; i++)
        if (seen->n_lanes[i] == 0)
            return "bursts of every size";
    for (unsigned i = 1; i <= EXCHANGE_COOKIES_MAX; i++)
        if (seen->n_cookies[i] == 0)
            return "every count of cookies";
    for (unsigned i = 0; i < 16; i++) {
        if (seen->request_len[i] == 0 || seen->reply_len[i] == 0)
            return "every rest of a block";
        for (unsigned part = 0; part < RANDOM_PARTS; part++)
            if (seen->at[part][i] == 0)
                return "every misalignment";
    }
    for (unsigned part = 0; part < RANDOM_PARTS; part++)
        if (seen->at_edge[part][0] == 0 || seen->at_edge[part][1] == 0)
            return "both edges of a page";
    return NULL;
}

// Prints the results as TAP; returns how many failed.
static int report(const struct trial *trial, unsigned n, const struct random_seen *seen)
{
    int failed = 0;
    for (unsigned i = 0; i < n; i++) {
        const char *name = trial[i].variant->name;
        failed += trial[i].failed;
        if (!trial[i].variant->usable())
            printf("ok %u - %s # SKIP this processor or its kernel lacks the instructions\n", i + 1,
                   name);
        else
            printf(
                "%sok %u - %s equals the slow path: %llu exchanges in %llu bursts, %llu proven\n",
                trial[i].failed ? "not " : "", i + 1, name, (unsigned long long)seen->lanes,
                (unsigned long long)seen->bursts, (unsigned long long)seen->proven);
    }
    if (seen->lanes >= ENOUGH) {
        const char *what = missing(seen);
        failed += what != NULL;
        printf("%sok %u - the bursts had everything%s%s\n", what != NULL ? "not " : "", n + 1,
               what != NULL ? " but " : "", what != NULL ? what : "");
        n++;
    }
    printf("1..%u\n", n);
    return failed;
}

int main(int argc, char **argv)
{
    static struct random_burst burst;
    uint64_t seed = 1, exchanges = 50000;
    struct trial trial[VARIANTS_MAX] = {0};
    unsigned n = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--exchanges") == 0 && i + 1 < argc)
            exchanges = strtoull(argv[++i], NULL, 10);
        else if (n == VARIANTS_MAX || (trial[n++].variant = variant_named(argv[i])) == NULL) {
            fprintf(stderr, "%s: no such variant\n", argv[i]);
            return 2;
        }
    }
    for (unsigned i = 0; n == 0 && exchange_variants[AEAD_SIV_CMAC_256][i] != NULL; i++)
        trial[i].variant = exchange_variants[AEAD_SIV_CMAC_256][i];
    while (n < VARIANTS_MAX && trial[n].variant != NULL)
        n++;
    sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_touch, .sa_flags = SA_RESETHAND}, NULL);
    printf("# --seed %llu --exchanges %llu\n", (unsigned long long)seed,
           (unsigned long long)exchanges);
    for (; burst.seen.lanes < exchanges; seed++) {
        uint64_t before = burst.seen.lanes / PROGRESS;
        random_burst_make(&burst, seed);
        for (unsigned i = 0; i < n; i++)
            try_burst(&trial[i], &burst, seed);
        if (burst.seen.lanes / PROGRESS != before)
            printf("# %llu exchanges\n", (unsigned long long)burst.seen.lanes);
        fflush(stdout);
    }
    return report(trial, n, &burst.seen) > 0;
}
