// The configuration: one schema table (schema.c), used by loading, limits, --show-config and the
// man page. Values are validated here and nowhere else: the rest of the program may trust a struct
// config.
//
// Single-threaded; a loaded configuration is read-only and may be read by any thread.
#pragma once

#include "base/bounds.h"
#include "base/prefixes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    CONFIG_CORES_MAX = CORES_MAX,
    CONFIG_PORTS_MAX = PORTS_MAX,
    CONFIG_ADDRESSES_MAX = ADDRESSES_MAX, // of one port
    CONFIG_LISTEN_MAX = LISTENERS_MAX,
    CONFIG_NAMES_MAX = NAMES_MAX,
    CONFIG_CERTIFICATES_MAX = CERTIFICATES_MAX,
    CONFIG_SECRET_FILES_MAX = SECRET_FILES_MAX,
    CONFIG_PREFIXES_MAX = PREFIXES_MAX,
    CONFIG_BALANCERS_MAX = BALANCERS_MAX,
    CONFIG_ETCD_MAX = ETCD_ENDPOINTS_MAX,
    CONFIG_PHC_MAX = 32, // octets of a device's path, with its NUL
    CONFIG_FRACTION_ONE = 1000000,
    CONFIG_TEXT_MAX = 524288, // octets of a configuration file; what config_print writes is shorter
};

#define CONFIG_DEFAULT_PATH "/etc/noonmark/noonmark.yaml"

struct config_address {
    int family; // AF_INET or AF_INET6
    uint8_t octets[16];
};

enum config_port_kind {
    PORT_INTERFACE, // AF_XDP on a network interface
    PORT_VDEV,      // any DPDK virtual device by its own name and arguments
    PORT_SOCKET,    // a UDP address of the kernel
};

// How a port tells clients of a leap second.
enum config_leap {
    PORT_ANNOUNCES, // in the leap indicator
    PORT_SMEARS,    // not at all: its time is smeared for a day
};

struct config_port {
    enum config_port_kind kind;
    enum config_leap leap;
    char *device;                     // interface name, vdev string, or address and port
    struct sockaddr_storage endpoint; // of PORT_SOCKET: device as an address; set by the rules
    socklen_t endpoint_len;
    uint32_t n_addresses; // 0: for an interface, the kernel's local addresses
    struct config_address addresses[CONFIG_ADDRESSES_MAX];
};

struct config_listen {
    struct sockaddr_storage address;
    socklen_t len;
    char *text;      // as written, for messages
    const char *key; // the setting, for messages
    bool by_default; // nobody has written it; lost when it is printed
};

struct config_certificate {
    char *chain;
    char *key;
};

// What this host is there for. Hosts of one fleet that share their cookie keys may have different
// roles.
enum config_role {
    SERVE_BOTH,
    SERVE_KE,  // NTS-KE alone: no dataplane, and no time is served
    SERVE_NTP, // NTP alone: no ke, no listener and no certificate
};

enum config_idle {
    IDLE_POLL,     // a core polls all the time
    IDLE_ADAPTIVE, // it sleeps while nothing comes
};

// All serve CLOCK_REALTIME. They differ in who says how wrong it is, and what it follows.
enum config_time_source {
    TIME_SYSTEM,  // the kernel, as the program that keeps the clock has told it
    TIME_CHRONYD, // the chronyd of this host, stratum and reference too
    TIME_PHC,     // a hardware clock of the kernel, which is compared with it
    TIME_FIXED,   // nobody: always served as synchronised, for tests and the quickstart
};

enum config_timescale { TIMESCALE_TAI, TIMESCALE_UTC };

enum config_on_unhealthy {
    UNHEALTHY_MARK,   // answered, with leap 3 and stratum 0
    UNHEALTHY_SILENT, // not answered
};

enum config_switch {
    SWITCH_FALSE,
    SWITCH_TRUE,
};

// Steadily and at once; per_second 0: no limit.
struct config_rate {
    uint32_t per_second;
    uint32_t burst;
};

struct config_limits {
    struct config_rate plain; // of a host
    uint32_t leak;            // of CONFIG_FRACTION_ONE
    enum config_switch kod;
    struct config_rate session;
    uint32_t nak_share; // of CONFIG_FRACTION_ONE; that: no limit
    enum config_switch overload;
    enum config_switch dry_run;
};

// CPU time of NTS-KE that a host may take; cpu_per_second_us 0: no limit.
struct config_per_prefix {
    uint32_t cpu_per_second_us;
    uint32_t burst_us;
    enum config_switch dry_run;
};

// The mover of a fleet's document by etcd. Texts that are not set are "".
struct config_etcd {
    uint32_t n_endpoints; // 0: no such mover
    char *endpoints[CONFIG_ETCD_MAX];
    char *key; // its name in etcd
    char *seal;
    char *ca;
    char *cert;
    char *cert_key;
    char *user;
    char *password_file;
    uint32_t lead_s;
    uint32_t settle_s;
};

struct config {
    enum config_role role;
    struct {
        uint32_t n_cores;
        uint32_t cores[CONFIG_CORES_MAX]; // CPU numbers
        enum config_idle idle;
        char *crypto; // auto, vaes512, vaes256, aesni, ipsec-mb, portable
        char *user;   // "noonmark-dataplane", "64731" or "64731:64731"; resolved by the supervisor
        uint32_t n_ports;
        struct config_port ports[CONFIG_PORTS_MAX];
        uint16_t udp_port;
        uint16_t nts_port; // a second one, for NTS requests alone; 0: there is none
        uint32_t n_allow, n_deny;
        struct prefix allow[CONFIG_PREFIXES_MAX];
        struct prefix deny[CONFIG_PREFIXES_MAX];
        enum config_switch nts_only;
        enum config_switch count_clients;
        enum config_switch interleaved;
        enum config_switch kernel_path; // the guard sockets' requests are answered
        enum config_switch launch_time;
        char *instance_id; // "": nobody is told
        struct config_limits limits;
    } dataplane;
    struct {
        uint32_t n_listen;
        struct config_listen listen[CONFIG_LISTEN_MAX];
        uint32_t n_certificates;
        struct config_certificate certificates[CONFIG_CERTIFICATES_MAX];
        uint32_t n_names;
        char *names[CONFIG_NAMES_MAX];         // of the server, as clients use them
        enum config_switch watch_certificates; // their files, for changes
        uint32_t threads;
        char *user;
        char *ntp_server;  // "" when NTP has the same address as NTS-KE
        uint16_t ntp_port; // 0: dataplane.nts_port, or else udp_port
        uint32_t deadline_ms;
        uint32_t max_connections;
        struct config_per_prefix per_prefix;
        uint32_t cpu_share; // of CONFIG_FRACTION_ONE; that: no limit
        uint32_t n_proxy_from;
        struct prefix proxy_from[CONFIG_BALANCERS_MAX];
        char *socket; // path
        struct {
            char *tokens; // path, or "": no pool
            uint32_t max_connections;
            uint32_t idle_ms;
        } pool;
    } control;
    struct {
        char *file;
        uint32_t rotate_s;
        uint32_t keep;
        struct config_etcd etcd;
        char *fleet_file; // path of the fleet's document; "": the keys are this host's own
    } keys;
    struct {
        enum config_time_source source;
        char phc[CONFIG_PHC_MAX]; // directly behind source: of TIME_PHC, the device's file; else ""
        enum config_timescale phc_timescale;
        uint32_t phc_accuracy_ns;     // how wrong the hardware clock may be
        uint32_t phc_limit_ns;        // how far it and CLOCK_REALTIME may differ
        struct config_listen chronyd; // its command port; a loopback address
        uint32_t stale_after_ms;      // without an answer of the source
        enum config_on_unhealthy on_unhealthy;
        char *hook;                 // path of a program, or ""
        char reference_id[16];      // as written: 1 to 4 characters, or a dotted IPv4 address
        uint32_t reference_id_word; // directly behind it: as it goes on the wire, first octet in
                                    // the highest bits
        uint8_t stratum;            // 0, and no reference_id: they are chronyd's
        uint32_t max_error_ms;
        char *leap_list; // path; read when a port smears
    } time;
    struct {
        struct config_listen listen; // len 0: no metrics over HTTP
    } metrics;
    struct {
        char *level; // error, warning, info
    } log;
};

// The UDP ports of dataplane.udp_port and nts_port: 1 or 2.
uint32_t config_udp_ports(const struct config *config);

// The ports that are sockets, and the sockets that each of them has at each UDP port: one for each
// core, as far as SOCKETS_MAX allows.
uint32_t config_socket_ports(const struct config *config);
uint32_t config_sockets_each(const struct config *config);

// The secret files that ke gets: chain and key of each certificate, then the tokens if there are.
uint32_t config_secret_files(const struct config *config);

// Does a port smear leap seconds? Do all of them?
bool config_smears(const struct config *config);
bool config_all_smear(const struct config *config);

// The UDP port of NTP that NTS-KE names.
uint16_t config_ntp_port(const struct config *config);

// Makes the set of the sources that dataplane.allow and dataplane.deny answer; the caller owns it.
// NULL when they answer all, as the defaults do. 0 or -ENOMEM, and then *sources is unchanged.
int config_sources(const struct config *config, struct prefixes **sources);

// For a person: "FILE:LINE: what is wrong; what to do". Longer lines are cut.
struct config_error {
    char text[512];    // the first fault, one line
    char others[4096]; // those that were found behind it, a line each with its end; or ""
};

// Reads and validates a file. 0, or -1 with error filled in and *config unchanged. The caller owns
// the result: config_free.
int config_load(const char *path, struct config **config, struct config_error *error);

// The same from a descriptor; name is the file's name in messages. Reads to the end; does not
// close.
int config_load_fd(int fd, const char *name, struct config **config, struct config_error *error);

// Logs the faults behind the first one.
void config_log_others(const struct config_error *error);

// Writes what is in force, defaults included, as YAML that config_load accepts and that loads to
// the same configuration.
int config_print(const struct config *config, FILE *out);

void config_free(struct config *config);

// The processes that take a new value of a setting at a reload. None: it needs a restart.
enum config_live {
    LIVE_SUPERVISOR = 1 << 0,
    LIVE_CONTROL = 1 << 1,
    LIVE_KE = 1 << 2,
    LIVE_DATAPLANE = 1 << 3, // the packets' settings (dataplane/policy.h) all of them
};

// A setting, and whether a reload would change it.
struct config_setting {
    const char *path; // "dataplane.cores"; a list of groups is one setting
    unsigned live;    // enum config_live; 0: not while the server runs, or not to this value
    bool differs;
};

enum { CONFIG_SETTINGS_MAX = 96 };

// Compares two configurations, setting by setting in the schema's order, without those that both do
// without by their role. Returns the number of settings.
size_t config_compare(const struct config *a, const struct config *b,
                      struct config_setting settings[CONFIG_SETTINGS_MAX]);

// True when one of them stands for all addresses, that of the other among them: they cannot be
// bound together.
bool config_overlap(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

// The place in `control.listen` of a listener of the same address; -1: there is none.
int config_listen_place(const struct config *config, const struct config_listen *at);

// Exchanges the values of all live settings; the others stay. Calling it twice changes nothing.
void config_swap_live(struct config *a, struct config *b);
