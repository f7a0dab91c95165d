// The short form of a fuzz target: its seeds, then changes of them, the same in each run.
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { CHANGED = 20000, LEN_MAX = 8192 };

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

// xorshift64: known, and good enough to scatter changes.
static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state >> 11) % n;
}

static uint8_t odd_octet(void)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, '\n', ' ', '0', '9', '-', '"', '\\', '{'};
    return below(2) == 0 ? odd[below(sizeof odd)] : (uint8_t)below(256);
}

// Puts n octets in at a place.
static size_t insert(uint8_t *octets, size_t len, size_t at, const uint8_t *from, size_t n)
{
    if (len + n > LEN_MAX)
        return len;
    memmove(octets + at + n, octets + at, len - at);
    memcpy(octets + at, from, n);
    return len + n;
}

static size_t change(uint8_t *octets, size_t len)
{
    uint8_t piece[64];
    const size_t at = len == 0 ? 0 : below(len), n = len == 0 ? 0 : 1 + below(len - at);

    switch (len == 0 ? 4 : below(7)) {
    case 0: // a bit
        octets[at] ^= (uint8_t)(1U << below(8));
        return len;
    case 1: // an octet
        octets[at] = odd_octet();
        return len;
    case 2: // cut off
        return at;
    case 3: // a piece is missing
        memmove(octets + at, octets + at + n, len - at - n);
        return len - n;
    case 4: // an octet more
        piece[0] = odd_octet();
        return insert(octets, len, at, piece, 1);
    case 5: { // a piece of another seed
        const struct fuzz_seed *other = &fuzz_seeds[below(fuzz_n_seeds)];
        const size_t from = other->len == 0 ? 0 : below(other->len);
        const size_t most = other->len - from < sizeof piece ? other->len - from : sizeof piece;
        memcpy(piece, other->at + from, most);
        return insert(octets, len, at, piece, most);
    }
    default: { // a piece twice
        const size_t most = n < sizeof piece ? n : sizeof piece;
        memcpy(piece, octets + at, most);
        return insert(octets, len, at, piece, most);
    }
    }
}

// A copy that ends with its last octet.
static void give(const uint8_t *octets, size_t len)
{
    uint8_t *exact = malloc(len == 0 ? 1 : len);
    must(exact != NULL);
    memcpy(exact, octets, len);
    fuzz_one(exact, len);
    free(exact);
}

// Writes the seeds as files, for libFuzzer.
static int write_seeds(const char *directory)
{
    for (size_t i = 0; i < fuzz_n_seeds; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed%zu", directory, i);
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, fuzz_seeds[i].at, fuzz_seeds[i].len) != (ssize_t)fuzz_seeds[i].len)
            return EXIT_FAILURE;
        close(fd);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static uint8_t octets[LEN_MAX];

    if (argc == 2)
        return write_seeds(argv[1]);
    puts("1..1");
    fflush(stdout);
    fuzz_one((const uint8_t *)"", 0);
    for (size_t i = 0; i < fuzz_n_seeds; i++)
        give((const uint8_t *)fuzz_seeds[i].at, fuzz_seeds[i].len);
    for (int i = 0; i < CHANGED; i++) {
        const struct fuzz_seed *seed = &fuzz_seeds[below(fuzz_n_seeds)];
        size_t len = seed->len < LEN_MAX ? seed->len : LEN_MAX;
        memcpy(octets, seed->at, len);
        for (size_t n = 1 + below(4); n > 0; n--)
            len = change(octets, len);
        give(octets, len);
    }
    printf("ok 1 - %zu seeds and %d changes of them\n", fuzz_n_seeds, CHANGED);
    return EXIT_SUCCESS;
}
