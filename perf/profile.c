#include "perf/profile.h"

#include "perf/profiles/profiles.h"
#include "perf/words.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"public-2026.1"};
static const struct {
    const unsigned char *octets;
    const size_t *len;
} texts[] = {{profile_public_2026_1, &profile_public_2026_1_len}};

enum { N_PROFILES = sizeof names / sizeof *names };

const char *const *profile_names(size_t *n)
{
    *n = N_PROFILES;
    return names;
}

// The number of the profile of that name, or N_PROFILES.
static size_t number_of(const char *name)
{
    size_t i = 0;
    while (i < N_PROFILES && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool read_burst(char *words, struct profile *p)
{
    char *save;
    const char *every = strtok_r(words, " ", &save);
    const char *length = strtok_r(NULL, " ", &save);
    const char *factor = strtok_r(NULL, " ", &save);
    return every && length && factor && words_time(every, &p->burst_every_ns) &&
           words_time(length, &p->burst_len_ns) && words_rate(factor, &p->burst_factor) &&
           p->burst_len_ns > 0 && p->burst_len_ns < p->burst_every_ns && p->burst_factor >= 1;
}

// Reads one line without its comment; an empty one is right.
static bool read_line(char *line, struct profile *p)
{
    char *value = line + strcspn(line, " ");
    if (*value != '\0')
        *value++ = '\0';
    value += strspn(value, " ");
    if (*line == '\0')
        return true;
    if (strcmp(line, "about") == 0)
        return (size_t)snprintf(p->about, sizeof p->about, "%s", value) < sizeof p->about;
    if (strcmp(line, "poisson") == 0)
        return p->poisson = *value == '\0';
    if (strcmp(line, "burst") == 0)
        return read_burst(value, p);
    for (enum flow_kind kind = 0; kind < FLOW_KINDS; kind++)
        if (strcmp(line, flow_rows[kind].name) == 0)
            return words_rate(value, &p->weight[kind]);
    return false;
}

bool profile_read(const char *text, size_t len, struct profile *profile)
{
    char line[256];
    *profile = (struct profile){0};
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;
        if (n >= sizeof line)
            return false;
        memcpy(line, text, n);
        line[n] = '\0';
        line[strcspn(line, "#")] = '\0';
        for (size_t last = strlen(line); last > 0 && line[last - 1] == ' '; last--)
            line[last - 1] = '\0';
        if (!read_line(line, profile))
            return false;
        text += end ? n + 1 : n;
        len -= end ? n + 1 : n;
    }
    return true;
}

bool profile_find(const char *name, struct profile *profile)
{
    size_t i = number_of(name);
    if (i == N_PROFILES || !profile_read((const char *)texts[i].octets, *texts[i].len, profile))
        return false;
    profile->name = names[i];
    return true;
}

const char *profile_hash(const char *name, char hash[PROFILE_HASH_LEN])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    size_t n = 0, i = number_of(name);
    hash[0] = '\0';
    if (i < N_PROFILES &&
        EVP_Q_digest(NULL, "SHA256", NULL, texts[i].octets, *texts[i].len, octets, &n) == 1)
        for (size_t k = 0; k < n && 2 * k + 2 < PROFILE_HASH_LEN; k++)
            snprintf(hash + 2 * k, 3, "%02x", octets[k]);
    return hash;
}

void profile_print_list(void)
{
    char hash[PROFILE_HASH_LEN];
    struct profile profile;
    for (size_t i = 0; i < N_PROFILES; i++)
        if (profile_find(names[i], &profile))
            printf("%s  sha256 %s\n    %s\n", names[i], profile_hash(names[i], hash),
                   profile.about);
}
