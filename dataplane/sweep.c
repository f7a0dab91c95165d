#include "base/log.h"
#include "config/config.h"
#include "dataplane/dataplane.h"
#include "dataplane/port/ports.h"
#include "link/handover.h"

#include <stdlib.h>
#include <unistd.h>

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
    int fault = ports_sweep(config);
    config_free(config);
    return fault ? EXIT_FAILURE : EXIT_SUCCESS;
}
