// --check-config: the supervisor's side of it, in the order of a start.
#include "supervisor/supervisor.h"

#include "base/log.h"
#include "config/host.h"
#include "supervisor/addresses.h"
#include "supervisor/descriptors.h"
#include "supervisor/etcd_look.h"
#include "supervisor/files.h"
#include "supervisor/guard_socket.h"
#include "supervisor/hook.h"
#include "supervisor/process.h"
#include "supervisor/program.h"
#include "supervisor/source.h"

#include <net/if.h>
#include <netdb.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RESOLVER_S = 5 };

static bool check_cores(const struct config *config)
{
    cpu_set_t before;
    bool good = true;

    if (sched_getaffinity(0, sizeof before, &before) != 0)
        return true; // nothing is known of them
    for (uint32_t i = 0; i < config->dataplane.n_cores; i++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(config->dataplane.cores[i], &one);
        // Isolated CPUs are in no process's set, but can be had.
        if (sched_setaffinity(0, sizeof one, &one) == 0)
            continue;
        log_error("CPU %u (dataplane.cores) is not there, is offline, or is not allowed here; "
                  "'lscpu -e' lists them",
                  config->dataplane.cores[i]);
        good = false;
    }
    sched_setaffinity(0, sizeof before, &before);
    return good;
}

static void look_at_interfaces(const struct config *config)
{
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        const struct config_port *port = &config->dataplane.ports[i];
        if (port->kind == PORT_INTERFACE && if_nametoindex(port->device) == 0)
            log_warning("there is no interface %s (dataplane.ports) here now; 'ip link' lists them",
                        port->device);
    }
}

static bool check_sockets(const struct config *config)
{
    bool good = true;

    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        if (config->dataplane.ports[i].kind == PORT_SOCKET)
            good &= port_socket_look(&config->dataplane.ports[i]) == 0;
    return good;
}

static bool check_listen(const struct config *config)
{
    bool good = true;

    for (uint32_t i = 0; i < config->control.n_listen; i++) {
        const struct config_listen *listen = &config->control.listen[i];
        if (!listen->by_default || family_exists(listen->address.ss_family))
            good &= listener_look(listen) == 0;
    }
    if (config->metrics.listen.len != 0)
        good &= listener_look(&config->metrics.listen) == 0;
    return good;
}

static bool check_metrics(const struct config *config)
{
    if (config->metrics.listen.len == 0)
        return true;
    const int fd = program_open_metrics();
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool check_certificates(const struct config *config, supervisor_judge *judge)
{
    int fd[CONFIG_SECRET_FILES_MAX];
    bool good = true;
    const uint32_t n = config->control.n_certificates;

    for (uint32_t i = 0; i < n; i++) {
        fd[2 * i] = files_open_certificate(config->control.certificates[i].chain, "chain");
        fd[2 * i + 1] = files_open_certificate(config->control.certificates[i].key, "key");
        good &= fd[2 * i] >= 0 && fd[2 * i + 1] >= 0;
    }
    const uint32_t all = config_secret_files(config);
    if (all > 2 * n) {
        fd[2 * n] = files_open_certificate(config->control.pool.tokens, "tokens");
        good &= fd[2 * n] >= 0;
    }
    good &= judge(config, fd);
    for (uint32_t i = 0; i < all; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    return good;
}

static bool check_source(const struct config *config)
{
    if (!source_has_descriptor(config))
        return true;
    const int fd = source_open(config);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

// A resolver may stall; this process ends soon, and its thread with it. A server that runs never
// resolves: only clients do.
static void look_at_ntp_server(const char *name)
{
    static struct gaicb request; // outlives this call when time is up
    struct gaicb *requests[] = {&request};
    struct config_address address;

    if (name[0] == '\0' || host_address(name, &address))
        return;
    request.ar_name = name;
    int error = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);
    if (error == 0) {
        gai_suspend((const struct gaicb *const *)requests, 1,
                    &(struct timespec){.tv_sec = RESOLVER_S});
        error = gai_error(&request);
    }
    if (error == EAI_INPROGRESS)
        log_warning("%s (control.ntp_server): the resolver has not answered within %d s", name,
                    RESOLVER_S);
    else if (error != 0)
        log_warning("%s (control.ntp_server) cannot be resolved here: %s; clients will have to",
                    name, gai_strerror(error));
    else
        freeaddrinfo(request.ar_result);
}

// Control judges its text: noonmarkctl keys check does the same.
static bool check_fleet(const struct config *config, const struct user *control)
{
    const char *path = config->keys.fleet_file;
    struct stat st;

    if (path[0] == '\0')
        return true;
    log_info("keys.rotate and keys.file are not used for keys: the document %s (keys.fleet.file) "
             "says how long a key seals",
             path);
    if (stat(path, &st) != 0 && errno == ENOENT && config->keys.etcd.n_endpoints > 0) {
        log_info("%s (keys.fleet.file) is not there yet: the mover by etcd puts it there", path);
        return true;
    }
    if (stat(path, &st) != 0) {
        log_error("%s (keys.fleet.file): %s; put the fleet's document there", path,
                  strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != control->uid) ||
        (st.st_mode & 027) != 0) {
        log_error(
            "%s (keys.fleet.file) must be a plain file of root or control.user that its group "
            "cannot write and others cannot read; chown and chmod 640 it",
            path);
        return false;
    }
    return true;
}

// The server starts without it; control reads it as its own user.
static void look_at_leap_list(const struct config *config)
{
    struct stat st;
    const char *path = config->time.leap_list;

    if (!config_smears(config))
        return;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || access(path, R_OK) != 0)
        log_warning("%s (time.leap_list) cannot be read, so that ports with `leap: smear` smear no "
                    "leap second; install tzdata, or name another list",
                    path);
}

bool supervisor_check(const struct config *config, supervisor_judge *judge)
{
    struct user control, dataplane;
    bool good = true;

    process_forbid_dumps(); // it reads keys
    if (geteuid() != 0)
        log_warning("not started as root: files that root may read, but you may not, are faults "
                    "here");
    const bool found = descriptors_find_users(config, &control, &dataplane) == 0;
    good &= found && files_look_key_directory(config->keys.file, &control) == 0;
    good &= !found || check_fleet(config, &control);
    good &= check_cores(config);
    look_at_interfaces(config);
    good &= check_sockets(config);
    good &= check_listen(config);
    good &= check_metrics(config);
    good &= found && etcd_look(config, &control);
    good &= control_socket_look(config->control.socket, found ? control.uid : 0) == 0;
    if (config->role != SERVE_NTP)
        good &= check_certificates(config, judge);
    good &= hook_look(config->time.hook);
    good &= check_source(config);
    look_at_leap_list(config);
    look_at_ntp_server(config->control.ntp_server);
    return good;
}
