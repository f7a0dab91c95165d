// ntsperf check: a health check of one server. It makes one NTS-KE session and a few requests, and
// judges what came back. The exit status is that of a Nagios plugin. One thread.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// In the order of the exit statuses of Nagios plugins.
enum check_level { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

enum {
    CHECK_HOST_MAX = 255,
    CHECK_EXCHANGES = 3,
    CHECK_TEXT_MAX = 512,
    CHECK_ID_MAX = 32,
    CHECK_FINDINGS_MAX = 16,
};

// The contents of the command line. Points into it.
struct check_plan {
    char host[CHECK_HOST_MAX + 1]; // name or address, without brackets
    uint16_t ke_port;
    const char *name;    // that the certificate must have; NULL: the host
    const char *ca;      // NULL: the system's certificates
    uint64_t timeout_ns; // 0: 5 s for NTS-KE, 1 s for each reply
    uint32_t warning_days, critical_days;
    uint64_t max_offset_ns; // 0: no limit
    int family;
    bool json, quiet;
    bool asks_id; // which of the servers of one address answers
};

// What came of NTS-KE. Before it is granted, only fault, outcome and the addresses are set.
struct check_ke {
    bool granted;
    bool unknown;               // it failed on this side: the server was not judged
    char fault[CHECK_TEXT_MAX]; // one line; "" when granted
    const char *outcome;        // a name for programs: "granted", "timed_out"
    char address[64];           // "" when the host could not be resolved
    uint16_t port;
    char tls[16];      // "TLSv1.3"
    uint64_t took_ns;  // to the first cookie
    char subject[128]; // of the first certificate of the chain that expires
    int64_t expires_s; // when that is, since 1970
    double days;       // until then
    uint16_t aead;
    const char *aead_name;
    unsigned n_cookies, cookie_len;      // octets
    char ntp_server[CHECK_HOST_MAX + 1]; // of the Server record, or ""
    uint16_t ntp_port;                   // of the Port record, or 123
};

// What a request brought.
enum check_reply {
    CHECK_REPLY_NONE,     // before the timeout
    CHECK_REPLY_TIME,     // a time; from an NTS request, authenticated
    CHECK_REPLY_NAK,      // RFC 8915, section 5.7
    CHECK_REPLY_KISS,     // another kiss code, RFC 5905, section 7.4
    CHECK_REPLY_WRONG,    // why says what is wrong
    CHECK_REPLY_REFUSED,  // ICMP: no process listens there
    CHECK_REPLY_NOT_SENT, // this machine could not send; why says it
    CHECK_REPLY_SKIPPED,  // the request was not made
};

extern const char *const check_reply_names[];

struct check_exchange {
    enum check_reply reply;
    char why[96];
    unsigned asked, n_cookies; // cookies
    uint32_t request_len, reply_len;
    int64_t residence_ns; // T3 - T2
    int64_t offset_ns;    // the server's clock minus this host's
    int64_t delay_ns;
    unsigned leap, stratum;
    uint32_t reference_id;
    int64_t root_delay_ns, root_dispersion_ns;
    char id[CHECK_ID_MAX + 1]; // of the instance that answered; "": it has told none
};

struct check_ntp {
    char fault[CHECK_TEXT_MAX]; // why there is no path to the server; ""
    char address[64];
    uint16_t port;
    struct check_exchange exchange[CHECK_EXCHANGES];
    struct check_exchange spoiled; // a genuine request, but for one octet of the cookie
    struct check_exchange plain;
};

struct check_result {
    struct check_ke ke;
    struct check_ntp ntp;
};

// What is to be said of a result, the worst first.
struct check_findings {
    unsigned n;
    struct check_finding {
        enum check_level level;
        char text[CHECK_TEXT_MAX];
    } finding[CHECK_FINDINGS_MAX];
};

// The exchange with the least delay among those that brought a time, or NULL.
const struct check_exchange *check_best(const struct check_ntp *ntp);

// Judges a result. Pure. Returns the worst level.
enum check_level check_judge(const struct check_plan *plan, const struct check_result *result,
                             struct check_findings *findings);

// The command; argv[0] is its name. Returns the exit status.
int command_check(int argc, char **argv);
