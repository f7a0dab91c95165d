// The contents of the command line.
#pragma once

#include "perf/load/flow.h"
#include "perf/path/path.h"

#include <stdbool.h>
#include <stdint.h>

enum command { COMMAND_NTS, COMMAND_NTP, COMMAND_MIX, COMMAND_KE, COMMANDS };

// An output in addition to the summary.
struct output {
    bool wanted;
    const char *file; // NULL: to stdout, instead of the summary
};

enum { STEPS_MAX = 256 }; // of a staircase or a search

struct steps {
    double from, to;
    double factor; // between steps; 0: add is used
    double add;
};

enum { SERVER_LEN = 256 };

struct plan {
    enum command command;
    char server[SERVER_LEN]; // name or address, without brackets
    int argc;                // the whole command line, for the manifest
    char **argv;

    // The load.
    double rate;
    uint64_t duration_ns;
    bool poisson;
    uint32_t bunch; // requests that are due at the same moment
    bool search;
    double max_rate;
    struct steps step; // from 0: not given
    struct steps ramp; // likewise
    double loss;       // objective: a share; above 1: no objective
    uint64_t p99_ns;   // objective; 0: no objective
    uint64_t timeout_ns;

    // The clients.
    uint32_t clients; // 0: chosen by the rate
    int placeholders; // or LOAD_AUTO
    bool reuse;
    uint32_t verify;
    bool interleaved;
    bool same_clock;
    const char *crypto;

    // NTS-KE.
    const char *name; // NULL: the server's
    const char *ca;
    bool insecure;
    uint16_t ke_port;
    uint16_t udp_port; // 0: the port that NTS-KE returns, or 123
    double aborted;    // share of sessions
    uint32_t slow;     // slow clients, during the whole run
    uint32_t threads;
    uint32_t open; // sessions at once

    // mix.
    const char *profile;                   // its name; NULL: none
    uint64_t burst_every_ns, burst_len_ns; // of the profile; every 0: no bursts
    double burst_factor;
    double weight[FLOW_KINDS];
    uint32_t victims; // 0: none
    double victim_rate;
    uint64_t storm_ns;
    struct path_prefix spoof;

    // The path.
    bool sockets;
    const char *device;
    struct path_prefix source;
    uint32_t source_ports; // 0: the default
    uint16_t source_port;
    uint16_t tag[PATH_TAGS_MAX];
    uint8_t n_tags;
    bool has_mac;
    uint8_t mac[6];
    int32_t core; // -1: the kernel's choice
    bool family_4, family_6;

    // The result.
    struct output json, csv;
    uint32_t pid; // 0: none
    bool own_server;
    bool quiet;
};

// options_read returns it when the command should run.
enum { OPTIONS_GO = -1 };

// Reads the options and the server of a command (argv[0] is its name) into a plan, which points
// into argv. OPTIONS_GO, or the exit status: 0 after --help, 2 for usage, which is on stderr.
int options_read(struct plan *plan, enum command command, int argc, char **argv);

extern const char *const command_names[COMMANDS];
