// The three doors played by actors, linked with the real main.c and supervisor: a noonmarkd without
// DPDK and TLS, for tests of processes alone. What they do wrong is said by words in
// control.ntp_server:
//
//   control.fails  ke.fails  dataplane.fails  sweep.fails    ends with status 3 before it serves
//   ke.shuts  ke.shuts.dies                        the first ke shuts a listener down; and dies
//   dataplane.stops                                is stopped by a signal after half a second
//   dataplane.starves                              its heartbeats stand still for three seconds
//   dataplane.deaf                                 does not hear SIGTERM
//   dataplane.flaps                                dies as soon as it serves, every time
#include "base/log.h"
#include "board/board.h"
#include "config/config.h"
#include "control/control.h"
#include "control/ke/ke_process.h"
#include "crypto/exchange.h"
#include "dataplane/dataplane.h"
#include "link/handover.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN_MS = 20, TURNS_HALF_S = 500 / TURN_MS };

static volatile sig_atomic_t told;

static void tell(int number)
{
    (void)number;
    told = 1;
}

static struct config *script(void)
{
    struct config *config;
    struct config_error error;

    if (config_load_fd(HANDOVER_CONFIG, "handed over", &config, &error) != 0) {
        log_error("%s", error.text);
        exit(1);
    }
    return config;
}

static bool plays(const struct config *config, const char *word)
{
    return strstr(config->control.ntp_server, word) != NULL;
}

static void serve(void)
{
    if (write(HANDOVER_READY, "r", 1) != 1)
        exit(1);
    close(HANDOVER_READY);
    log_info("serves");
}

// One turn of a main loop. False at the end.
static bool waited(void)
{
    struct pollfd lifeline = {.fd = HANDOVER_LIFELINE, .events = POLLIN};
    return poll(&lifeline, 1, TURN_MS) == 0 && !told;
}

int control_main(void)
{
    const struct config *config = script();
    struct board_control *board;

    if (plays(config, "control.fails")) {
        log_error("the actor fails");
        return 3;
    }
    signal(SIGTERM, tell);
    if (board_map_control(HANDOVER_BOARD_CONTROL, true, &board) != 0)
        return 1;
    serve();
    while (waited())
        counter_add(&board->heartbeat, 1);
    log_info("ends");
    return 0;
}

int ke_process_main(void)
{
    const struct config *config = script();
    struct board_ke *board;

    if (plays(config, "ke.fails")) {
        log_error("the actor fails");
        return 3;
    }
    signal(SIGTERM, tell);
    if (board_map_ke(HANDOVER_BOARD_KE, true, &board) != 0)
        return 1;
    counter_add(&board->starts, 1);
    serve();
    if (plays(config, "ke.shuts") && board->starts == 1) {
        shutdown(HANDOVER_FIRST_LISTENER, SHUT_RDWR);
        if (plays(config, "ke.shuts.dies"))
            abort();
    }
    while (waited())
        counter_add(&board->heartbeat, 1);
    log_info("ends");
    return 0;
}

int dataplane_main(void)
{
    const struct config *config = script();
    struct board_dataplane *board;

    if (plays(config, "dataplane.fails")) {
        log_error("the actor fails");
        return 3;
    }
    signal(SIGTERM, plays(config, "dataplane.deaf") ? SIG_IGN : tell);
    if (board_map_dataplane(HANDOVER_BOARD_DATAPLANE, true, &board) != 0)
        return 1;
    atomic_store(&board->n_cores, 1);
    serve();
    if (plays(config, "dataplane.flaps"))
        abort();
    for (unsigned turns = 0; waited(); turns++) {
        if (turns == TURNS_HALF_S && plays(config, "dataplane.stops"))
            raise(SIGSTOP);
        if (turns >= TURNS_HALF_S && turns < 7 * TURNS_HALF_S && plays(config, "dataplane.starves"))
            continue;
        counter_add(&board->heartbeat, 1);
        counter_add(&board->core[0].heartbeat, 1);
    }
    log_info("ends");
    return 0;
}

int dataplane_sweep(void)
{
    if (plays(script(), "sweep.fails")) {
        log_error("the actor fails");
        return 3;
    }
    log_info("swept");
    return 0;
}

const char *dataplane_dpdk_version(void)
{
    return "none";
}

const char *ke_process_openssl_version(void)
{
    return "none";
}

bool exchange_kernels_named(const char *name, struct exchange_kernels *kernels)
{
    (void)name;
    (void)kernels;
    return false;
}
