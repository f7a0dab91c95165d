// Start-up in the order of dependence: configuration, board, ports while the process has its
// rights, cores, then fewer rights, threads, packets.
#include "dataplane/dataplane.h"

#include "base/log.h"
#include "base/phc_read.h"
#include "board/board.h"
#include "config/config.h"
#include "dataplane/clients.h"
#include "dataplane/clock_relay.h"
#include "dataplane/housekeeping.h"
#include "dataplane/loop.h"
#include "dataplane/nic_clock.h"
#include "dataplane/policy.h"
#include "dataplane/port/kernel_path.h"
#include "dataplane/port/ports.h"
#include "dataplane/rights.h"
#include "dataplane/settings.h"
#include "dataplane/stamp_clock.h"
#include "dataplane/system_calls.h"
#include "dataplane/table_memory.h"
#include "link/child.h"
#include "link/guard.h"
#include "link/handover.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct dataplane {
    struct config *config;
    struct exchange_kernels kernels;
    struct board_control *control;
    struct board_dataplane *board;
    struct ports *ports;
    struct policy_place policy;
    struct clients *clients;
    struct settings settings; // what a reload changes
    struct table_memory table_memory;
    struct kernel_path *kernel_path; // NULL: not answered
    struct loop *loop[HOUSEKEEPING_LOOPS_MAX];
    uint32_t n_cores; // the first loops
    uint32_t n_loops;
    struct stamp_clock stamps;
    struct clock_relay clock;
    struct nic_clock nic[PORTS_MAX];
    uint32_t n_nic;
    int signals;
    int guard[GUARDS_MAX];
    int phc[PORTS_MAX]; // of the ports' devices, -1: none
};

static int failed(const char *what, int fault)
{
    log_error("%s: %s", what, strerror(-fault));
    return fault;
}

static int read_config(struct config **config)
{
    struct config_error error;
    if (lseek(HANDOVER_CONFIG, 0, SEEK_SET) < 0)
        return failed("configuration", -errno);
    if (config_load_fd(HANDOVER_CONFIG, "configuration", config, &error) != 0) {
        log_error("%s", error.text);
        return -EINVAL;
    }
    log_set_level((*config)->log.level);
    return 0;
}

// First of all: another descriptor may later take the number of one that was not handed over.
static int find_handed(struct dataplane *d)
{
    for (int i = 0; i < GUARDS_MAX; i++)
        d->guard[i] = guard_is(HANDOVER_FIRST_GUARD + i) ? HANDOVER_FIRST_GUARD + i : -1;
    for (int i = 0; i < PORTS_MAX; i++)
        d->phc[i] = phc_is(HANDOVER_FIRST_PHC + i) ? HANDOVER_FIRST_PHC + i : -1;
    return 0;
}

static int take_config(struct dataplane *d)
{
    int fault = read_config(&d->config);
    if (fault)
        return fault;
    if (!exchange_kernels_named(d->config->dataplane.crypto, &d->kernels)) {
        log_error("this CPU cannot run dataplane.crypto '%s'; 'auto' takes the fastest that it can",
                  d->config->dataplane.crypto);
        return -ENOTSUP;
    }
    return 0;
}

static int take_signals(struct dataplane *d)
{
    int fault = child_take_signals(&d->signals);
    return fault ? failed("signals", fault) : 0;
}

static int open_board(struct dataplane *d)
{
    int fault = board_map_control(HANDOVER_BOARD_CONTROL, false, &d->control);
    if (!fault)
        fault = board_map_dataplane(HANDOVER_BOARD_DATAPLANE, true, &d->board);
    if (fault)
        return failed("board", fault);
    atomic_store_explicit(&d->board->version, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&d->board->starts, 1, memory_order_relaxed);
    return 0;
}

static int open_ports(struct dataplane *d)
{
    // Says itself what is wrong.
    return ports_open(d->config, HANDOVER_FIRST_SOCKET, d->phc, d->board, &d->ports);
}

static int make_policy(struct dataplane *d)
{
    struct policy_entry *entry = settings_policy(d->config);
    if (!entry)
        return failed("no memory for the policy", -ENOMEM);
    policy_publish(&d->policy, entry);
    settings_open(&d->settings, d->config, &d->policy);
    return 0;
}

// Without a port that tells departures, no reply could ever be interleaved.
static int make_tables(struct dataplane *d)
{
    if (d->config->dataplane.interleaved == SWITCH_FALSE || !ports_tell_departures(d->ports))
        return 0;
    int fault = table_memory_open(&d->table_memory, d->ports, d->config->dataplane.n_cores);
    if (fault)
        log_error("no memory for interleaved mode: %s; 'dataplane.interleaved: false' does "
                  "without it",
                  strerror(-fault));
    return fault;
}

// What all loops have in common is filled in here.
static int open_loop(struct dataplane *d, struct loop_setup *setup)
{
    setup->control = d->control;
    setup->stamps = &d->board->stamps;
    setup->ntp_state = &d->board->ntp_state;
    setup->smeared = &d->board->ntp_state_smeared;
    setup->kernels = d->kernels;
    setup->policy = &d->policy;
    setup->clients = clients_counter(d->clients, d->n_loops);
    struct loop **loop = &d->loop[d->n_loops];
    int fault = loop_open(setup, loop);
    if (fault)
        return failed("no memory for a core", fault);
    d->n_loops++;
    fault = loop_reseed(*loop);
    if (fault)
        log_warning("the kernel has no random octets yet: %s; NTS is answered once it has",
                    strerror(-fault));
    return 0;
}

// A thread for each core, and that of the kernel's path.
static int open_clients(struct dataplane *d)
{
    atomic_store_explicit(&d->board->clients_minute, 0, memory_order_relaxed);
    atomic_store_explicit(&d->board->clients_hour, 0, memory_order_relaxed);
    if (d->config->dataplane.count_clients == SWITCH_FALSE)
        return 0;
    int fault = clients_open(d->config->dataplane.n_cores + 1, d->board, &d->clients);
    return fault ? failed("no memory to count clients", fault) : 0;
}

// The ports are all sockets, or none is.
static enum loop_idle find_idle(const struct config *config)
{
    if (config->dataplane.idle != IDLE_ADAPTIVE)
        return LOOP_POLLS;
    return config_socket_ports(config) > 0 ? LOOP_GATHERS : LOOP_SLEEPS;
}

static int open_cores(struct dataplane *d)
{
    stamp_clock_open(&d->stamps, &d->board->stamps);
    clock_relay_open(&d->clock, &d->control->ntp_state, d->board, &d->stamps);
    for (uint32_t i = 0; i < d->config->dataplane.n_cores; i++) {
        struct loop_setup setup = {
            .cpu = (int)d->config->dataplane.cores[i],
            .counters = &d->board->core[i],
            .limited = &d->board->limited[i],
            .key_counters = &d->board->core_keys[i],
            .idle = find_idle(d->config),
            .tables = table_memory_tables(&d->table_memory),
            .first_number = d->table_memory.first[i],
        };
        setup.n_queues = ports_of_core(d->ports, i, &setup.queues);
        int fault = open_loop(d, &setup);
        if (fault)
            return fault;
    }
    d->n_cores = d->n_loops;
    return 0;
}

// One thread more, which does not poll: the fast path loses nothing. Without tables, so that its
// replies are all in basic mode.
static int open_kernel_path(struct dataplane *d)
{
    struct port *const *queues;
    if (d->config->dataplane.kernel_path == SWITCH_FALSE)
        return 0;
    int fault = kernel_path_open(d->config, d->guard, d->board, &d->kernel_path);
    if (fault)
        return failed("kernel's path", fault);
    if (kernel_path_queues(d->kernel_path, &queues) == 0)
        return 0; // ports that are sockets have it all
    struct loop_setup setup = {
        .cpu = LOOP_NO_CPU,
        .counters = &d->board->kernel_path,
        .key_counters = &d->board->kernel_path_keys,
        .limited = &d->board->kernel_path_limited,
        .idle = LOOP_PAUSES,
    };
    setup.n_queues = kernel_path_queues(d->kernel_path, &setup.queues);
    return open_loop(d, &setup);
}

static int open_nic_clocks(struct dataplane *d)
{
    for (uint32_t i = 0; i < d->config->dataplane.n_ports; i++) {
        const struct port_clock *clock = ports_clock(d->ports, i);
        if (clock)
            nic_clock_open(&d->nic[d->n_nic++], clock, &d->board->port[i]);
    }
    return 0;
}

static int reduce_rights(struct dataplane *d)
{
    (void)d;
    // Every page that is mapped by now stays out of swap once it is touched, as far as the limits
    // allow. Without ONFAULT all memory that DPDK has reserved would be allocated at once.
    if (mlockall(MCL_CURRENT | MCL_ONFAULT) != 0)
        log_warning("memory cannot be locked: %s", strerror(errno));
    int fault = rights_reduce(ports_with_dpdk());
    return fault ? failed("capabilities cannot be given up", fault) : 0;
}

static int start_loops(struct dataplane *d)
{
    for (uint32_t i = 0; i < d->n_loops; i++) {
        int fault = loop_start(d->loop[i]);
        if (fault)
            return fault;
    }
    return 0;
}

// Called after this thread has given up its rights, which new threads inherit. If a thread cannot
// be started, the cores use the kernel's stamps, or the time of the poll.
static int start_nic_clocks(struct dataplane *d)
{
    for (uint32_t i = 0; i < d->n_nic; i++) {
        int fault = nic_clock_start(&d->nic[i]);
        if (fault)
            log_warning("no thread to read %s: %s; requests bear no stamps of it",
                        d->nic[i].clock->name, strerror(-fault));
    }
    return 0;
}

static int confine(struct dataplane *d)
{
    (void)d;
    int fault = system_calls_confine();
    return fault ? failed("seccomp", fault) : 0;
}

static void show(struct dataplane *d)
{
    struct board_dataplane *board = d->board;
    snprintf(board->crypto, sizeof board->crypto, "%s", d->kernels.of[0]->name);
    snprintf(board->memory, sizeof board->memory, "%s", ports_memory());
    for (uint32_t i = 0; i < d->n_cores; i++)
        board->core_id[i] = d->config->dataplane.cores[i];
    // Release: a reader that sees the number of cores sees their data; partner: status_report.c.
    atomic_store_explicit(&board->n_cores, d->n_cores, memory_order_release);
    ports_show(d->ports, board);
    // Release: a reader that sees the version sees all of it.
    atomic_store_explicit(&board->version, BOARD_VERSION, memory_order_release);
}

static int let_packets_come(struct dataplane *d)
{
    int fault = ports_steer(d->ports, policy_ports(atomic_load(&d->policy.now)));
    if (fault)
        return fault;
    show(d);
    fault = child_say_ready();
    return fault ? failed("ready", fault) : 0;
}

static int open_all(struct dataplane *d)
{
    static int (*const steps[])(struct dataplane *) = {
        find_handed, take_config,      take_signals,    open_board,
        open_ports,  make_policy,      make_tables,     open_clients,
        open_cores,  open_kernel_path, open_nic_clocks, reduce_rights,
        start_loops, start_nic_clocks, confine,         let_packets_come,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int fault = steps[i](d);
        if (fault)
            return fault;
    }
    return 0;
}

static void close_all(struct dataplane *d)
{
    if (d->board)
        atomic_store_explicit(&d->board->version, 0, memory_order_relaxed); // serves no more
    for (uint32_t i = 0; i < d->n_loops; i++)
        loop_stop(d->loop[i]);
    for (uint32_t i = 0; i < d->n_nic; i++)
        nic_clock_close(&d->nic[i]);
    if (d->ports) {
        ports_close(d->ports);
        ports_end();
    }
    for (uint32_t i = 0; i < d->n_loops; i++)
        loop_close(d->loop[i]);
    kernel_path_close(d->kernel_path);
    settings_close(&d->settings);
    policy_close(&d->policy);
    clients_close(d->clients);
    table_memory_close(&d->table_memory);
    board_unmap_dataplane(d->board);
    board_unmap_control(d->control);
    config_free(d->config);
}

int dataplane_main(void)
{
    struct dataplane d = {.signals = -1};
    int fault = child_hide();
    if (fault)
        failed("memory cannot be hidden", fault);
    else
        fault = open_all(&d);
    int status = fault ? EXIT_FAILURE : EXIT_SUCCESS;
    if (!fault) {
        const uint32_t n_ports = ports_n_open(d.ports);
        log_info("serving NTP on %u port%s with %u core%s, %s", n_ports, n_ports == 1 ? "" : "s",
                 d.n_cores, d.n_cores == 1 ? "" : "s", d.kernels.of[0]->name);
        if (d.config->dataplane.nts_port != 0)
            log_info("UDP port %u answers NTS alone", d.config->dataplane.nts_port);
        const struct housekeeping house = {
            .board = d.board,
            .ports = d.ports,
            .stamps = &d.stamps,
            .clock = &d.clock,
            .nic = d.nic,
            .n_nic = d.n_nic,
            .policy = &d.policy,
            .clients = d.clients,
            .loops = d.loop,
            .n_loops = d.n_loops,
            .link = HANDOVER_LINK,
            .reload = &d.settings.reload,
            .signals = d.signals,
            .guard = d.guard,
        };
        // A core that is stuck still holds its queue and its keys: the kernel takes both, and
        // detaches the XDP program.
        const int result = housekeeping_run(&house);
        if (result != 0 && result != -ESTALE) {
            log_flush();
            _exit(EXIT_FAILURE);
        }
        if (result == -ESTALE)
            status = CHILD_EXIT_AGAIN;
        log_info("ending");
    }
    close_all(&d);
    return status;
}

const char *dataplane_dpdk_version(void)
{
    return ports_dpdk_version();
}
