// Test replacements of the four processes, linked with the real main.c and supervisor: a noonmarkd
// without DPDK and TLS, for tests of the processes alone. Words in control.ntp_server select their
// faults:
//
//   control.fails  ke.fails  dataplane.fails    ends with status 3 before it serves
//   ke.shuts  ke.shuts.dies                        the first ke shuts a listener down; and dies
//   dataplane.stops                                is stopped by a signal after half a second
//   dataplane.starves                              its heartbeats stand still for three seconds
//   dataplane.deaf                                 does not hear SIGTERM
//   dataplane.flaps                                dies as soon as it serves, every time
//   ke.refuses  ke.silent  ke.aborts               what it does about new certificates
//   ke.floods                                      says what it may not say, as fast as it can
//   metrics.shuts                                  the first one shuts its listener down
//   control.sick  ke.sick  dataplane.sick          says that the clock is unhealthy
// On SIGUSR1 control requests a reload and logs the answer.
#include "base/log.h"
#include "board/board.h"
#include "config/config.h"
#include "control/control.h"
#include "control/ke/ke_process.h"
#include "crypto/exchange.h"
#include "dataplane/dataplane.h"
#include "link/child.h"
#include "link/handover.h"
#include "metrics/exporter.h"

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

static volatile sig_atomic_t asked;

static void ask(int number)
{
    (void)number;
    asked = 1;
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

static void serve(const struct config *config)
{
    log_set_level(config->log.level);
    log_info("serves"); // first: what the supervisor starts next may log sooner than this process
    if (child_say_ready() != 0)
        exit(1);
}

// One turn of a main loop. False at the end. message->type: what has come, or 0.
static bool waited(struct link_message *message)
{
    struct pollfd link = {.fd = HANDOVER_LINK, .events = POLLIN};
    message->type = 0;
    if (poll(&link, 1, TURN_MS) <= 0)
        return !told;
    switch (child_hear(LINK_DESCRIPTORS_MAX, message)) {
    case CHILD_NOTHING:
        message->type = 0;
        break;
    case CHILD_MESSAGE:
        break;
    case CHILD_ENDS:
        return false;
    }
    return !told;
}

static void say_sick(const struct config *config, const char *word)
{
    if (plays(config, word))
        link_send(HANDOVER_LINK, LINK_HEALTH, 0, "unhealthy stale");
}

int control_main(void)
{
    const struct config *config = script();
    struct board_control *board;
    struct link_message message;

    if (plays(config, "control.fails")) {
        log_error("the actor fails");
        return 3;
    }
    signal(SIGTERM, tell);
    signal(SIGUSR1, ask);
    if (board_map_control(HANDOVER_BOARD_CONTROL, true, &board) != 0)
        return 1;
    serve(config);
    say_sick(config, "control.sick");
    while (waited(&message)) {
        counter_add(&board->heartbeat, 1);
        if (message.type != 0)
            log_info("reload %u: %s %s", message.id,
                     message.type == LINK_APPLIED ? "applied" : "refused", message.text);
        if (asked)
            link_send(HANDOVER_LINK, LINK_ASK_RELOAD, 41, NULL);
        asked = 0;
    }
    log_info("ends");
    return 0;
}

// Messages that are well-formed and not ke's to send, one that is not, one with a descriptor.
static void flood(void)
{
    for (uint32_t i = 0; i < 100; i++) {
        link_send(HANDOVER_LINK, LINK_ASK_RELOAD, i, NULL);
        link_send(HANDOVER_LINK, LINK_APPLIED, i, NULL);
        link_send(HANDOVER_LINK, LINK_READY, 0, NULL);
        send(HANDOVER_LINK, "nonsense", 8, MSG_DONTWAIT);
        link_send_descriptors(HANDOVER_LINK, LINK_CANDIDATE, i,
                              (const int[]){HANDOVER_CONFIG, HANDOVER_CONFIG, HANDOVER_CONFIG}, 3);
    }
}

// What this actor does about new certificates: their number and their first octets are logged.
static void reload(const struct config *config, struct link_message *message)
{
    char octets[32] = {0};

    if (plays(config, "ke.aborts"))
        abort();
    if (pread(message->fd[1], octets, sizeof octets - 1, 0) >= 0)
        log_info("is given %u files, the first: %s", message->n - 1, octets);
    link_close_descriptors(message);
    if (plays(config, "ke.silent"))
        return;
    if (plays(config, "ke.refuses"))
        link_send(HANDOVER_LINK, LINK_REFUSED, message->id, "the actor refuses");
    else
        link_send(HANDOVER_LINK, LINK_APPLIED, message->id, NULL);
}

int exporter_main(void)
{
    const struct config *config = script();
    struct board_metrics *board;
    struct link_message message;

    signal(SIGTERM, tell);
    if (board_map_metrics(HANDOVER_BOARD_METRICS, true, &board) != 0)
        return 1;
    counter_add(&board->starts, 1);
    serve(config);
    if (plays(config, "metrics.shuts") && board->starts == 1)
        shutdown(HANDOVER_METRICS_LISTENER, SHUT_RDWR);
    while (waited(&message))
        counter_add(&board->heartbeat, 1);
    log_info("ends");
    return 0;
}

int ke_process_main(void)
{
    const struct config *config = script();
    struct board_ke *board;
    struct link_message message;

    if (plays(config, "ke.fails")) {
        log_error("the actor fails");
        return 3;
    }
    signal(SIGTERM, tell);
    if (board_map_ke(HANDOVER_BOARD_KE, true, &board) != 0)
        return 1;
    counter_add(&board->starts, 1);
    serve(config);
    say_sick(config, "ke.sick");
    if (plays(config, "ke.shuts") && board->starts == 1) {
        log_flush(); // it is about to die, and the test counts its lines
        shutdown(HANDOVER_FIRST_LISTENER, SHUT_RDWR);
        if (plays(config, "ke.shuts.dies"))
            abort();
    }
    char first[32] = {0};
    if (pread(HANDOVER_FIRST_LISTENER + (int)config->control.n_listen, first, sizeof first - 1,
              0) >= 0)
        log_info("starts with the certificate %s", first);
    while (waited(&message)) {
        counter_add(&board->heartbeat, 1);
        if (message.type == LINK_RELOAD)
            reload(config, &message);
        if (plays(config, "ke.floods"))
            flood();
    }
    log_info("ends");
    return 0;
}

bool ke_process_check(const struct config *config, const int *fd)
{
    for (uint32_t i = 0; i < 2 * config->control.n_certificates; i++)
        if (fd[i] < 0)
            return false;
    return true;
}

int dataplane_main(void)
{
    const struct config *config = script();
    struct board_dataplane *board;
    struct link_message message;

    if (plays(config, "dataplane.fails")) {
        log_error("the actor fails");
        return 3;
    }
    signal(SIGTERM, plays(config, "dataplane.deaf") ? SIG_IGN : tell);
    if (board_map_dataplane(HANDOVER_BOARD_DATAPLANE, true, &board) != 0)
        return 1;
    atomic_store(&board->n_cores, 1);
    serve(config);
    say_sick(config, "dataplane.sick");
    if (plays(config, "dataplane.flaps"))
        abort();
    for (unsigned turns = 0; waited(&message); turns++) {
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
    static const struct exchange_variant none = {.name = "none"};
    kernels->of[0] = &none;
    return strcmp(name, "auto") == 0;
}
