// The actor of the metrics' process, linked with the real metrics/main.c (actors.c).
#include "base/log.h"
#include "board/board.h"
#include "link/handover.h"
#include "metrics/exporter.h"
#include "tests/supervisor/actor.h"

#include <sys/socket.h>

int exporter_main(void)
{
    const struct config *config = actor_script();
    struct board_metrics *board;
    struct link_message message;

    actor_takes_signals();
    if (board_map_metrics(HANDOVER_BOARD_METRICS, true, &board) != 0)
        return 1;
    counter_add(&board->starts, 1);
    actor_serves(config);
    if (actor_plays(config, "metrics.shuts") && board->starts == 1)
        shutdown(HANDOVER_METRICS_LISTENER, SHUT_RDWR);
    while (actor_waited(&message))
        counter_add(&board->heartbeat, 1);
    log_info("ends");
    return 0;
}
