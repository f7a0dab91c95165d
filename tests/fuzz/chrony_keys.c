// chronyd's file of cookie keys, which another program has written.
#include "ctl/chrony_keys.h"

#include "tests/fuzz/fuzz.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("NKS0\n15 100.0\n0000000a " KEY "\n0000000b " KEY "\n0000000c " KEY "\n0000000d " KEY
         "\n"),
    SEED("NKS1\n100.0\n0000000A " KEY " 15\n0000000B " KEY " 15\n0000000C " KEY " 30\n"),
    SEED("NKS1\n-1e300\n0 " KEY " 15\n1 " KEY " 15\n"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

void fuzz_one(const uint8_t *octets, size_t len)
{
    static struct chrony_keys keys;
    struct chrony_fault fault = {0};

    memset(&keys, 0, sizeof keys);
    if (chrony_keys_read((const char *)octets, len, &keys, &fault))
        must(keys.n >= 1 && keys.n <= COOKIE_KEYS_MAX);
    else
        must(fault.line >= 1 && fault.what != NULL && strchr(fault.what, '\n') == NULL);
}
