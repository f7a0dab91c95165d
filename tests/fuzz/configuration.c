// The configuration, which a person writes: YAML, prefixes, addresses, the members of etcd.
#include "config/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define BEGIN                                                                                      \
    "dataplane: {cores: [1], ports: [{interface: eth0}]}\ncontrol:\n  certificates: [{chain: "     \
    "/c, key: /k}]\ntime: {stratum: 1, reference_id: GPS}\n"

const struct fuzz_seed fuzz_seeds[] = {
    SEED(BEGIN),
    SEED(BEGIN "keys: {fleet: {file: /f, etcd: ['https://[2001:db8::1]:2379', 'https://a'], seal: "
               "/s, user: u,\n  password_file: /p, lead: 1h, settle: 2s}}\n"),
    SEED("dataplane: {cores: [1, 2], ports: [{interface: eth0}], deny: ['2001:db8::/32'], allow: "
         "[192.0.2.0/24]}\ncontrol: {certificates: [{chain: /c, key: /k}], listen: "
         "['[::1]:4460'],\n  proxy_from: [192.0.2.1], pool: {tokens: /t, idle: 100ms}}\ntime: "
         "{source: chronyd}\n"),
    SEED("role: ke\ncontrol: {certificates: [{chain: /c, key: /k}], cpu_share: 0.5}\n"),
};
const size_t fuzz_n_seeds = sizeof fuzz_seeds / sizeof fuzz_seeds[0];

// What is printed is read again.
static void read_again(const struct config *config)
{
    struct config *again = NULL;
    struct config_error error;
    const int fd = memfd_create("again", MFD_CLOEXEC);
    FILE *out = fdopen(dup(fd), "w");

    must(fd >= 0 && out != NULL && config_print(config, out) == 0 && fclose(out) == 0);
    must(lseek(fd, 0, SEEK_SET) == 0 && config_load_fd(fd, "again", &again, &error) == 0);
    close(fd);
    config_free(again);
}

void fuzz_one(const uint8_t *octets, size_t len)
{
    struct config *config;
    struct config_error error = {0};
    const int fd = memfd_create("config", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, octets, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0);
    const int result = config_load_fd(fd, "config", &config, &error);
    close(fd);
    must(result == 0 || error.text[0] != '\0');
    if (result != 0)
        return;
    read_again(config);
    config_free(config);
}
