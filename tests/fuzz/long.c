// A fuzz target under libFuzzer, which has the main().
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    fuzz_one(octets, len);
    return 0;
}
