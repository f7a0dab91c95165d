// The file of a pool's tokens, which an operator writes.
#include "control/ke/ke_pool.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define TOKEN "0123456789abcdefg"

const struct fuzz_seed fuzz_seeds[] = {
    SEED(TOKEN "\n"),
    SEED("# two\r\n" TOKEN "\r\n\n" TOKEN "h \t\n"),
    SEED(TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN),
    SEED(TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN
               "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN
               "\n" TOKEN "\n"),
    SEED("short\n"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

void fuzz_one(const uint8_t *octets, size_t len)
{
    struct ke_tokens *tokens = NULL;
    char why[64] = "";
    const int fd = memfd_create("tokens", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, octets, len) == (ssize_t)len);
    const int result = ke_tokens_read(fd, "tokens", &tokens, why, sizeof why);
    close(fd);
    must((result == 0) == (tokens != NULL));
    must(result == 0 || strncmp(why, "tokens", strlen("tokens")) == 0);
    ke_tokens_free(tokens);
}
