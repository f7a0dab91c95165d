// Test replacements of the processes, linked with the real main.c and supervisor: a noonmarkd
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
//   (metrics_actor.c) control.sick  ke.sick  dataplane.sick          says that the clock is
//   unhealthy
// On SIGUSR1 control requests a reload and logs the answer.
#include "base/log.h"
#include "board/board.h"
#include "config/config.h"
#include "control/control.h"
#include "control/ke/ke_process.h"
#include "crypto/exchange.h"
#include "dataplane/dataplane.h"
#include "link/child.h"
#include "link/child_reload.h"
#include "link/handover.h"
#include "tests/supervisor/actor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_HALF_S = 500 / ACTOR_TURN_MS };

static volatile sig_atomic_t asked;

static void ask(int number)
{
    (void)number;
    asked = 1;
}

static void say_sick(const struct config *config, const char *word)
{
    if (actor_plays(config, word))
        link_send(HANDOVER_LINK, LINK_HEALTH, 0, "unhealthy stale");
}

static int prepare(void *self, struct link_message *message, char *why, size_t len)
{
    (void)self, (void)message, (void)why, (void)len;
    return 0;
}

static void nothing(void *self)
{
    (void)self;
}

// Of control and the dataplane.
static struct child_reload agrees = {.prepare = prepare, .commit = nothing, .cancel = nothing};

int control_main(void)
{
    const struct config *config = actor_script();
    struct board_control *board;
    struct link_message message;

    if (actor_plays(config, "control.fails")) {
        log_error("the actor fails");
        return 3;
    }
    actor_takes_signals();
    signal(SIGUSR1, ask);
    if (board_map_control(HANDOVER_BOARD_CONTROL, true, &board) != 0)
        return 1;
    actor_serves(config);
    say_sick(config, "control.sick");
    while (actor_waited(&message)) {
        counter_add(&board->heartbeat, 1);
        if (!child_reload_hear(&agrees, &message) && message.type != 0)
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

// What this actor does about a reload: the number of files and the first one's octets are logged.
static void reload(const struct config *config, struct link_message *message)
{
    char octets[32] = {0};

    if (actor_plays(config, "ke.aborts"))
        abort();
    if (pread(message->fd[1], octets, sizeof octets - 1, 0) >= 0)
        log_info("is given %u files, the first: %s", message->n - 1, octets);
    link_close_descriptors(message);
    if (actor_plays(config, "ke.silent"))
        return;
    if (actor_plays(config, "ke.refuses"))
        link_send(HANDOVER_LINK, LINK_REFUSED, message->id, "the actor refuses");
    else
        link_send(HANDOVER_LINK, LINK_ACCEPTED, message->id, NULL);
}

int ke_process_main(void)
{
    const struct config *config = actor_script();
    struct board_ke *board;
    struct link_message message;

    if (actor_plays(config, "ke.fails")) {
        log_error("the actor fails");
        return 3;
    }
    actor_takes_signals();
    if (board_map_ke(HANDOVER_BOARD_KE, true, &board) != 0)
        return 1;
    counter_add(&board->starts, 1);
    actor_serves(config);
    say_sick(config, "ke.sick");
    if (actor_plays(config, "ke.shuts") && board->starts == 1) {
        log_flush(); // it is about to die, and the test counts its lines
        shutdown(HANDOVER_FIRST_LISTENER, SHUT_RDWR);
        if (actor_plays(config, "ke.shuts.dies"))
            abort();
    }
    char first[32] = {0};
    if (pread(HANDOVER_FIRST_LISTENER + (int)config->control.n_listen, first, sizeof first - 1,
              0) >= 0)
        log_info("starts with the certificate %s", first);
    while (actor_waited(&message)) {
        counter_add(&board->heartbeat, 1);
        if (message.type == LINK_RELOAD)
            reload(config, &message);
        if (message.type == LINK_COMMIT)
            link_send(HANDOVER_LINK, LINK_APPLIED, message.id, NULL);
        if (actor_plays(config, "ke.floods"))
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
    const struct config *config = actor_script();
    struct board_dataplane *board;
    struct link_message message;

    if (actor_plays(config, "dataplane.fails")) {
        log_error("the actor fails");
        return 3;
    }
    if (actor_plays(config, "dataplane.deaf"))
        signal(SIGTERM, SIG_IGN);
    else
        actor_takes_signals();
    if (board_map_dataplane(HANDOVER_BOARD_DATAPLANE, true, &board) != 0)
        return 1;
    atomic_store(&board->n_cores, 1);
    actor_serves(config);
    say_sick(config, "dataplane.sick");
    if (actor_plays(config, "dataplane.flaps"))
        abort();
    for (unsigned turns = 0; actor_waited(&message); turns++) {
        child_reload_hear(&agrees, &message);
        if (turns == TURNS_HALF_S && actor_plays(config, "dataplane.stops"))
            raise(SIGSTOP);
        if (turns >= TURNS_HALF_S && turns < 7 * TURNS_HALF_S &&
            actor_plays(config, "dataplane.starves"))
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
