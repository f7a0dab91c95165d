#include "base/log.h"
#include "board/board.h"
#include "config/config.h"
#include "dataplane/dataplane.h"
#include "dataplane/port/ports.h"
#include "link/handover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int dataplane_sweep(void)
{
    struct config *config;
    struct config_error error;
    lseek(HANDOVER_CONFIG, 0, SEEK_SET);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", &config, &error) != 0) {
        log_error("%s", error.text);
        return EXIT_FAILURE;
    }
    struct board_dataplane *board;
    int fault = board_map_dataplane(HANDOVER_BOARD_DATAPLANE, true, &board);
    if (fault) {
        log_error("board: %s", strerror(-fault));
    } else {
        // No dataplane runs now, however the last one ended.
        atomic_store_explicit(&board->version, 0, memory_order_relaxed);
        fault = ports_sweep(config, board);
    }
    board_unmap_dataplane(fault ? NULL : board);
    config_free(config);
    return fault ? EXIT_FAILURE : EXIT_SUCCESS;
}
