// The reader of a reload. If a file blocks it, only this process is blocked: the supervisor kills
// it when its time is up, and its own alarm ends it if the supervisor has died.
#include "supervisor/supervisor.h"

#include "base/log.h"
#include "config/config.h"
#include "link/child.h"
#include "link/handover.h"
#include "supervisor/addresses.h"
#include "supervisor/certificates.h"
#include "supervisor/descriptors.h"
#include "supervisor/etcd_look.h"
#include "supervisor/files.h"
#include "supervisor/hook.h"
#include "supervisor/reload.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static_assert((int)LINK_DESCRIPTORS_MAX >= 1 + CERTIFICATE_FILES_MAX,
              "a message carries a configuration and all files of certificates");

static int refuse(const char *why)
{
    return link_send(HANDOVER_LINK, LINK_REFUSED, 0, why) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int offer(const struct config *config)
{
    struct certificates certificates = {0};
    char why[512];
    int fd[LINK_DESCRIPTORS_MAX];

    log_divert(why, sizeof why); // the functions below log what is wrong
    int error = certificates_read(config, &certificates);
    fd[0] = error == 0 ? files_config(config) : error;
    log_divert(NULL, 0);
    if (fd[0] < 0)
        return refuse(why);
    for (uint32_t i = 0; i < certificates.n; i++)
        fd[1 + i] = certificates.file[i].fd;
    // The supervisor uses the copies from here on: they are not wiped.
    error = link_send_descriptors(HANDOVER_LINK, LINK_CANDIDATE, 0, fd, 1 + certificates.n);
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Does a live setting of keys.fleet differ?
static bool fleet_differs(const struct config *now, const struct config *config)
{
    struct config_setting setting[CONFIG_SETTINGS_MAX];
    const size_t n = config_compare(now, config, setting);

    for (size_t i = 0; i < n; i++)
        if (strncmp(setting[i].path, "keys.fleet.", strlen("keys.fleet.")) == 0 &&
            setting[i].differs && setting[i].live != 0)
            return true;
    return false;
}

// The hook, and what the mover by etcd needs, are looked at when they are others than those in
// force: an old hook that cannot be run any more must not keep a certificate from being renewed.
static bool others_are_good(const struct config *config)
{
    struct config *now;
    struct config_error error;
    struct user control, dataplane;
    bool good = true;

    if (config_load_fd(HANDOVER_CONFIG, "configuration", &now, &error) != 0)
        return hook_look(config->time.hook);
    if (strcmp(now->time.hook, config->time.hook) != 0)
        good = hook_look(config->time.hook);
    if (good && fleet_differs(now, config))
        good = descriptors_find_users(now, &control, &dataplane) == 0 &&
               etcd_look_files(config, &control);
    config_free(now);
    return good;
}

// The configuration in force, as the supervisor holds it: an edited file may be half done.
static int read_in_force(void)
{
    struct config *config;
    struct config_error error;

    if (config_load_fd(HANDOVER_CONFIG, "configuration", &config, &error) != 0)
        return refuse(error.text);
    const int status = offer(config);
    config_free(config);
    return status;
}

int supervisor_reader(void)
{
    struct link_message message;
    struct config *config;
    struct config_error error;
    char why[512];

    alarm(RELOAD_READ_MS / 1000 + 1);
    if (child_hide() != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return EXIT_FAILURE;
    // The link may have ended: then the supervisor has died meanwhile.
    struct pollfd wait = {.fd = HANDOVER_LINK, .events = POLLIN};
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        continue;
    if (child_hear(0, &message) != CHILD_MESSAGE)
        return EXIT_FAILURE;
    if (message.type == LINK_READ_FILES)
        return read_in_force();
    if (message.type != LINK_READ)
        return EXIT_FAILURE;
    if (config_load(message.text, &config, &error) != 0) {
        config_log_others(&error); // the first goes to who has asked
        return refuse(error.text);
    }
    addresses_leave_out(config); // as at the start, so that the two compare as equal
    log_divert(why, sizeof why);
    const bool good = others_are_good(config);
    log_divert(NULL, 0);
    const int status = good ? offer(config) : refuse(why);
    config_free(config);
    return status;
}
