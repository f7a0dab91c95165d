#include "base/log.h"
#include "config/config.h"
#include "dataplane/dataplane.h"
#include "dataplane/port/ports.h"
#include "link/handover.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

// The number of a user given as "name", "number" or "number:number".
static uid_t number_of(const char *user)
{
    char *end;
    unsigned long number = strtoul(user, &end, 10);
    if (end != user && (*end == '\0' || *end == ':'))
        return (uid_t)number;
    const struct passwd *entry = getpwnam(user);
    return entry ? entry->pw_uid : 0;
}

int dataplane_sweep(void)
{
    struct config *config;
    struct config_error error;
    log_open("sweep");
    lseek(HANDOVER_CONFIG, 0, SEEK_SET);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", &config, &error) != 0) {
        log_error("%s", error.text);
        return EXIT_FAILURE;
    }
    int fault = ports_sweep(config, number_of(config->dataplane.user));
    config_free(config);
    return fault ? EXIT_FAILURE : EXIT_SUCCESS;
}
