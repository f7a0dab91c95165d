// What the tests of the configuration share: a valid text, and loading one from memory.
#pragma once

#include "config/config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// The least that is valid, a key a line, so that a test can replace one line.
#define VALID_PORTS "dataplane:\n  cores: [1]\n  ports:\n    - interface: eth0\n"
#define VALID_CONTROL "control:\n  certificates:\n    - {chain: /c.pem, key: /k.pem}\n"
#define VALID_TIME "time:\n  stratum: 1\n  reference_id: GPS\n"
#define VALID VALID_PORTS VALID_CONTROL VALID_TIME

static inline int load_octets(const char *text, size_t len, struct config **config,
                              struct config_error *error)
{
    const int fd = memfd_create("config", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
        return -2;
    const int result = config_load_fd(fd, "t.yaml", config, error);
    close(fd);
    return result;
}

static inline int load_text(const char *text, struct config **config, struct config_error *error)
{
    return load_octets(text, strlen(text), config, error);
}
