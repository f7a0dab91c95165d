// The list of leap seconds, which the IERS writes and tzdata brings.
#include "control/time/leap_list.h"

#include "tests/fuzz/fuzz.h"

const struct fuzz_seed fuzz_seeds[] = {
    SEED("#$\t 3945196800\n#@\t3960057600\n3550089600      35      # 1 Jul 2012\n"
         "3644697600\t36\r\n3692217600 37 # 1 Jan 2017\n#h\t49db2447 571e5e1b\n"),
    SEED("#@ 3960057600\n2272060800 10\n2287785600 11\n2303683200 10\n2335219200 11\n"
         "2366755200 12\n2398291200 13"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

void fuzz_one(const uint8_t *octets, size_t len)
{
    struct leap_list list = {.n = -1};

    if (!leap_list_parse((const char *)octets, len, &list)) {
        must(list.n == -1);
        return;
    }
    must(list.n >= 0 && list.n <= LEAP_LIST_LAST && list.expires_s > 0 && list.fault == 0);
    for (int64_t i = 0; i < list.n; i++) {
        must(list.leap[i].by == 1 || list.leap[i].by == -1);
        must(list.leap[i].at_s % 86400 == 0);
        must(i == 0 || list.leap[i].at_s > list.leap[i - 1].at_s);
    }
}
