#include "tests/supervisor/actor.h"

#include "base/log.h"
#include "link/child.h"
#include "link/handover.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t told;

static void tell(int number)
{
    (void)number;
    told = 1;
}

void actor_takes_signals(void)
{
    signal(SIGTERM, tell);
}

const struct config *actor_script(void)
{
    struct config *config;
    struct config_error error;

    if (config_load_fd(HANDOVER_CONFIG, "handed over", &config, &error) != 0) {
        log_error("%s", error.text);
        exit(1);
    }
    return config;
}

bool actor_plays(const struct config *config, const char *word)
{
    return strstr(config->control.ntp_server, word) != NULL;
}

void actor_serves(const struct config *config)
{
    log_set_level(config->log.level);
    log_info("serves"); // first: what the supervisor starts next may log sooner than this process
    if (child_say_ready() != 0)
        exit(1);
}

bool actor_waited(struct link_message *message)
{
    struct pollfd link = {.fd = HANDOVER_LINK, .events = POLLIN};
    message->type = 0;
    if (poll(&link, 1, ACTOR_TURN_MS) <= 0)
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
