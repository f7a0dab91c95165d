#include "perf/options_table.h"

#include <stdio.h>

enum {
    NTS = 1 << COMMAND_NTS,
    NTP = 1 << COMMAND_NTP,
    MIX = 1 << COMMAND_MIX,
    KE = 1 << COMMAND_KE,
    TLS = NTS | MIX | KE,
    UDP = NTS | NTP | MIX,
    ALL = UDP | KE,
};

#define AT(member) offsetof(struct plan, member)
#define FLOW_AT(kind) (AT(weight) + (kind) * sizeof(double))

const struct option_row option_rows[] = {
    {.name = "Load", .commands = ALL},
    {"rate", "N", "requests a second, such as 500, 50k, 1.5M (default 100; ke: 20)", AT(rate), 0, 0,
     ALL, RATE},
    {"duration", "TIME", "such as 10s, 500ms, 24h (default 10s; of each step 2s)", AT(duration_ns),
     0, 0, ALL, SPAN},
    {"poisson", NULL, "random gaps between requests, not even ones", AT(poisson), 0, 0, ALL, FLAG},
    {"bunch", "N", "N requests are due at the same moment (default 1)", AT(bunch), 1, 64, NTS | NTP,
     COUNT},
    {"search", NULL, "find the highest rate that meets the objectives", AT(search), 0, 0, ALL,
     FLAG},
    {"max-rate", "N", "the highest rate that a search tries (default 20M)", AT(max_rate), 0, 0, ALL,
     RATE},
    {"step", "FROM:TO:xF", "a series of rates: each F times, or with +N N above, the last",
     AT(step), 0, 0, ALL, STEPS},
    {"ramp", "FROM:TO", "a rate that rises linearly over the duration", AT(ramp), 0, 0, UDP, RAMP},
    {"loss", "X%", "objective: at most this share of the requests gets no valid time", AT(loss), 0,
     0, ALL, SHARE},
    {"p99", "TIME", "objective: 99 % of the replies come within this time", AT(p99_ns), 0, 0, ALL,
     SPAN},
    {"timeout", "TIME", "later replies count as late (default 1s; ke: 5s)", AT(timeout_ns), 0, 0,
     ALL, SPAN},

    {.name = "Clients", .commands = UDP},
    {"clients", "N", "clients, each with its own keys (default 64 to 4096, by the rate)",
     AT(clients), 1, 1 << 20, UDP, COUNT},
    {"placeholders", "N", "0 to 7 in each request; auto: as many as the client lacks (default)",
     AT(placeholders), 0, 0, NTS | MIX, JAR},
    {"reuse", NULL, "use the same cookie in all requests of a client", AT(reuse), 0, 0, NTS | MIX,
     FLAG},
    {"verify", "1/N", "verify one authenticator in N (default 1/1: all)", AT(verify), 0, 0,
     NTS | MIX, ONE_IN},
    {"interleaved", NULL, "request interleaved mode", AT(interleaved), 0, 0, NTP | MIX, FLAG},
    {"same-clock", NULL, "check the timestamps of a server that reads this machine's clock",
     AT(same_clock), 0, 0, NTS | NTP, FLAG},
    {"crypto", "NAME", "vaes512, vaes256, aesni, portable (default: the fastest)", AT(crypto), 0, 0,
     NTS | MIX, TEXT},

    {.name = "NTS-KE", .commands = TLS},
    {"ke-port", "N", "TCP port of NTS-KE (default 4460)", AT(ke_port), 0, 0, TLS, PORT},
    {"ca", "FILE", "trust these certificates (default: the system's)", AT(ca), 0, 0, TLS, TEXT},
    {"name", "NAME", "the name that the certificate must have (default: SERVER)", AT(name), 0, 0,
     TLS, TEXT},
    {"insecure", NULL, "do not verify the certificate", AT(insecure), 0, 0, TLS, FLAG},
    {"aborted", "X%", "share of the sessions that the client aborts", AT(aborted), 0, 0, KE, SHARE},
    {"slow", "N", "additional clients that send slowly and hold their connections", AT(slow), 0,
     10000, KE, COUNT},
    {"threads", "N", "threads that make handshakes (default 1)", AT(threads), 1, 64, KE, COUNT},
    {"open", "N", "the largest number of concurrent sessions (default 1000)", AT(open), 1, 60000,
     KE, COUNT},

    {.name = "Mix: shares of the requests; only their ratios matter", .commands = MIX},
    {"profile", "NAME", "a named mix of traffic instead of shares; list: print them", AT(profile),
     0, 0, MIX, TEXT},
    {"nts", "W", "NTS requests (default 1 when no share is given)", FLOW_AT(FLOW_NTS), 0, 0, MIX,
     WEIGHT},
    {"plain", "W", "plain NTP requests", FLOW_AT(FLOW_PLAIN), 0, 0, MIX, WEIGHT},
    {"bad-tag", "W", "genuine cookies under forged authenticators", FLOW_AT(FLOW_BAD_TAG), 0, 0,
     MIX, WEIGHT},
    {"unknown-key", "W", "cookies with the id of a key that does not exist",
     FLOW_AT(FLOW_UNKNOWN_KEY), 0, 0, MIX, WEIGHT},
    {"garbage", "W", "malformed extension fields", FLOW_AT(FLOW_GARBAGE), 0, 0, MIX, WEIGHT},
    {"replay", "W", "one NTS request, repeated", FLOW_AT(FLOW_REPLAY), 0, 0, MIX, WEIGHT},
    {"elephant", "W", "plain requests of ten clients that ask far too often",
     FLOW_AT(FLOW_ELEPHANT), 0, 0, MIX, WEIGHT},
    {"flood", "W", "plain requests that await no reply, from --spoof if given", FLOW_AT(FLOW_FLOOD),
     0, 0, MIX, WEIGHT},
    {"spoof", "PREFIX", "the flood's source addresses (with --port)", AT(spoof), 0, 0, MIX, PREFIX},
    {"victim-rate", "N", "additional well-behaved NTS requests, whose loss is the result",
     AT(victim_rate), 0, 0, MIX, RATE},
    {"storm", "TIME", "make all cookies invalid after this time; measure the recovery",
     AT(storm_ns), 0, 0, NTS | MIX, SPAN},

    {.name = "Path", .commands = ALL},
    {"sockets", NULL, "kernel sockets; no privilege needed (default)", AT(sockets), 0, 0, ALL,
     FLAG},
    {"port", "DEVICE", "an interface (AF_XDP) or a DPDK device such as net_memif0,role=client,...",
     AT(device), 0, 0, UDP, TEXT},
    {"source", "PREFIX",
     "source addresses; with --port all of the prefix, and ARP or ND is answered", AT(source), 0, 0,
     UDP, PREFIX},
    {"source-ports", "N", "number of UDP source ports (default 16)", AT(source_ports), 1, 60000,
     UDP, COUNT},
    {"source-port", "N", "the first UDP source port", AT(source_port), 0, 0, UDP, PORT},
    {"udp-port", "N", "the server's NTP port (default: what NTS-KE says, or 123)", AT(udp_port), 0,
     0, UDP, PORT},
    {"vlan", "ID[,ID]", "VLAN tags, outer first (with --port)", AT(tag), 0, 0, UDP, TAGS},
    {"server-mac", "MAC", "destination MAC address (with --port; default: resolved)", AT(mac), 0, 0,
     UDP, MAC},
    {"core", "N", "run the load on this CPU", AT(core), 0, 1023, ALL, COUNT},
    {"ipv4", NULL, "use the server's IPv4 address", AT(family_4), 0, 0, ALL, FLAG},
    {"ipv6", NULL, "use the server's IPv6 address", AT(family_6), 0, 0, ALL, FLAG},

    {.name = "Result", .commands = ALL},
    {"json", "FILE", "the result as JSON: to FILE, or to stdout instead of the summary", AT(json),
     0, 0, ALL, OUTPUT},
    {"csv", "FILE", "the result as CSV, one row per step or second: likewise", AT(csv), 0, 0, ALL,
     OUTPUT},
    {"pid", "PID", "add the CPU time of this local process and its children", AT(pid), 1, 1 << 22,
     ALL, COUNT},
    {"quiet", NULL, "no progress line", AT(quiet), 0, 0, ALL, FLAG},
    {"i-own-this-server", NULL, "permit addresses that are neither local nor private",
     AT(own_server), 0, 0, ALL, FLAG},
    {"help", NULL, "print this help", 0, 0, 0, ALL, HELP},
    {0},
};

void options_print_help(enum command command)
{
    static const char *const what[COMMANDS] = {
        [COMMAND_NTS] = "Sends NTS requests under load and checks every reply",
        [COMMAND_NTP] = "Sends plain NTP requests under load and checks every reply",
        [COMMAND_MIX] = "Sends NTS and plain NTP requests beside hostile traffic",
        [COMMAND_KE] = "Makes NTS-KE sessions under load",
    };
    printf("usage: ntsperf %s [OPTIONS] SERVER\n\n%s.\n", command_names[command], what[command]);
    for (const struct option_row *row = option_rows; row->name; row++) {
        if (!option_is_of(row, command))
            continue;
        if (row->kind == HEADING) {
            printf("\n%s\n", row->name);
            continue;
        }
        char left[64];
        bool optional = row->kind == OUTPUT;
        snprintf(left, sizeof left, "--%s%s%s%s", row->name,
                 optional        ? "[="
                 : row->argument ? " "
                                 : "",
                 row->argument ? row->argument : "", optional ? "]" : "");
        printf("  %-22s %s\n", left, row->help);
    }
    printf("\nExit status: 0 success; 1 failure: an objective was missed, a reply was wrong or "
           "none came; "
           "2 usage.\nntsperf(1) has the details.\n");
}
