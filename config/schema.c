// The table.
#include "config/schema.h"

#include "config/config.h"

#include <assert.h>
#include <net/if.h>
#include <sys/un.h>

// The place of a value: in struct config, in an element of a list of groups, or in a list.
#define IN(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define LIST(type, member, counter, least, most)                                                   \
    .at = offsetof(type, member), .size = sizeof(((type *)0)->member[0]),                          \
    .count_at = offsetof(type, counter), .list_min = (least), .list_max = (most)

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static_assert(offsetof(struct config, time.phc) ==
                  offsetof(struct config, time.source) + sizeof(int),
              "the device's path is a part of the source's value");

static_assert(offsetof(struct config, time.reference_id_word) ==
                  offsetof(struct config, time.reference_id) +
                      sizeof(((struct config *)0)->time.reference_id),
              "what follows from the reference id is a part of its value");

// The length of a Unix socket's path, without the NUL.
enum { SOCKET_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1 };

static const char *const crypto_words[] = {"auto",     "vaes512",  "vaes256", "aesni",
                                           "ipsec-mb", "portable", NULL};
static const char *const idle_words[] = {[IDLE_POLL] = "poll", [IDLE_ADAPTIVE] = "adaptive", NULL};
static const char *const level_words[] = {"error", "warning", "info", NULL};
static const char *const source_words[] = {[TIME_SYSTEM] = "system",
                                           [TIME_CHRONYD] = "chronyd",
                                           [TIME_PHC] = "phc",
                                           [TIME_FIXED] = "fixed",
                                           NULL};
static const char *const timescale_words[] = {
    [TIMESCALE_TAI] = "tai", [TIMESCALE_UTC] = "utc", NULL};
static const char *const unhealthy_words[] = {
    [UNHEALTHY_MARK] = "mark", [UNHEALTHY_SILENT] = "silent", NULL};
static const char *const switch_words[] = {[SWITCH_FALSE] = "false", [SWITCH_TRUE] = "true", NULL};

const struct schema_key schema[] = {
#include "config/schema_dataplane.inc"

    {.path = "control", .help = "NTS key establishment", .type = SCHEMA_GROUP},
    {.path = "control.listen",
     .help = "TCP addresses of NTS-KE",
     .type = SCHEMA_LISTEN,
     LIST(struct config, control.listen, control.n_listen, 1, CONFIG_LISTEN_MAX),
     .live = LIVE_KE,
     .min = 1,
     .fallback = "0.0.0.0:4460, [::]:4460"},
    {.path = "control.certificates",
     .help = "TLS certificates, each with its key",
     .type = SCHEMA_GROUP,
     LIST(struct config, control.certificates, control.n_certificates, 1, CONFIG_CERTIFICATES_MAX),
     .live = LIVE_KE,
     .required = true},
    {.path = "control.certificates[].chain",
     .help = "PEM file: the certificate, then its issuers",
     .type = SCHEMA_PATH,
     IN(struct config_certificate, chain),
     .min = 2,
     .max = 4095,
     .required = true},
    {.path = "control.certificates[].key",
     .help = "PEM file: the private key",
     .type = SCHEMA_PATH,
     IN(struct config_certificate, key),
     .min = 2,
     .max = 4095,
     .required = true},
    {.path = "control.watch_certificates",
     .help = "changed files of certificates are served without a reload",
     .type = SCHEMA_CHOICE,
     IN(struct config, control.watch_certificates),
     .live = LIVE_SUPERVISOR,
     .words = switch_words,
     .fallback = "true"},
    {.path = "control.threads",
     .help = "threads of NTS-KE",
     .type = SCHEMA_NUMBER,
     IN(struct config, control.threads),
     .min = 1,
     .max = 64,
     .fallback = "1"},
    {.path = "control.user",
     .help = "user that control runs as",
     .type = SCHEMA_USER,
     IN(struct config, control.user),
     .fallback = "noonmark-control"},
    {.path = "control.ntp_server",
     .help = "name or address of the NTP server, when it is not NTS-KE's own",
     .type = SCHEMA_HOST,
     IN(struct config, control.ntp_server),
     .live = LIVE_KE,
     .max = NTP_SERVER_MAX,
     .fallback = ""},
    {.path = "control.deadline",
     .help = "time that a whole exchange may take",
     .type = SCHEMA_DURATION,
     IN(struct config, control.deadline_ms),
     .live = LIVE_KE | LIVE_CONTROL, // control shows it
     .unit_ns = NS_PER_MS,
     .min = 100,
     .max = 60000,
     .fallback = "5s"},
    {.path = "control.max_connections",
     .help = "connections open at once",
     .type = SCHEMA_NUMBER,
     IN(struct config, control.max_connections),
     .live = LIVE_KE | LIVE_CONTROL, // control shows it
     .min = 1,
     .max = 1000000,
     .fallback = "10000"},
    {.path = "control.socket",
     .help = "Unix socket that noonmarkctl speaks to",
     .type = SCHEMA_PATH,
     IN(struct config, control.socket),
     .min = 2,
     .max = SOCKET_PATH_MAX,
     .fallback = "/run/noonmark/control.sock"},

    {.path = "keys", .help = "the keys that seal cookies", .type = SCHEMA_GROUP},
    {.path = "keys.file",
     .help = "where they are kept; its directory belongs to control's user alone",
     .type = SCHEMA_PATH,
     IN(struct config, keys.file),
     .min = 2,
     .max = KEY_PATH_MAX,
     .fallback = "/var/lib/noonmark/keys"},
    {.path = "keys.rotate",
     .help = "how long a key seals before the next one does",
     .type = SCHEMA_DURATION,
     IN(struct config, keys.rotate_s),
     .live = LIVE_CONTROL,
     .unit_ns = NS_PER_S,
     .min = 1,
     .max = 30 * 86400,
     .fallback = "24h"},
    {.path = "keys.keep",
     .help = "old keys kept beside the current and the future one",
     .type = SCHEMA_NUMBER,
     IN(struct config, keys.keep),
     .live = LIVE_CONTROL,
     .max = OLD_KEYS_MAX,
     .fallback = "3"},

    {.path = "time", .help = "what the server says of its clock", .type = SCHEMA_GROUP},
    {.path = "time.source",
     .help =
         "who says how right CLOCK_REALTIME is: the kernel, chronyd, a hardware clock, or nobody",
     .type = SCHEMA_SOURCE,
     .at = offsetof(struct config, time.source),
     .size = sizeof(((struct config *)0)->time.source) + CONFIG_PHC_MAX,
     .words = source_words,
     .fallback = "system"},
    {.path = "time.stratum",
     .help = "distance to the reference clock; no default, a wrong stratum is a lie",
     .type = SCHEMA_NUMBER,
     IN(struct config, time.stratum),
     .live = LIVE_CONTROL,
     .min = 1,
     .max = 15,
     .required = true,
     .has_unless = true,
     .unless_at = offsetof(struct config, time.source),
     .unless = TIME_CHRONYD},
    {.path = "time.reference_id",
     .help = "stratum 1: the reference clock (GPS, PPS, ...); above: IPv4 address of the upstream",
     .type = SCHEMA_REFERENCE_ID,
     .at = offsetof(struct config, time.reference_id),
     .size = sizeof(((struct config *)0)->time.reference_id) + sizeof(uint32_t),
     .live = LIVE_CONTROL,
     .required = true,
     .has_unless = true,
     .unless_at = offsetof(struct config, time.source),
     .unless = TIME_CHRONYD},
    {.path = "time.chronyd",
     .help = "chronyd's command port, for source chronyd",
     .type = SCHEMA_LISTEN,
     IN(struct config, time.chronyd),
     .min = 1,
     .fallback = "127.0.0.1:323"},
    {.path = "time.stale_after",
     .help = "a source that has said nothing for as long is not believed any more",
     .type = SCHEMA_DURATION,
     IN(struct config, time.stale_after_ms),
     .live = LIVE_CONTROL,
     .unit_ns = NS_PER_MS,
     .min = 2000,
     .max = 3600000,
     .fallback = "10s"},
    {.path = "time.phc_timescale",
     .help = "what a hardware clock keeps, for source phc: tai (ptp4l, GPS) or utc",
     .type = SCHEMA_CHOICE,
     IN(struct config, time.phc_timescale),
     .live = LIVE_CONTROL,
     .words = timescale_words,
     .fallback = "tai"},
    {.path = "time.phc_accuracy",
     .help = "how wrong a hardware clock may be; added to root dispersion",
     .type = SCHEMA_DURATION,
     IN(struct config, time.phc_accuracy_ns),
     .live = LIVE_CONTROL,
     .unit_ns = 1,
     .max = NS_PER_S,
     .fallback = "1us"},
    {.path = "time.phc_limit",
     .help = "a system clock that is further away from the hardware clock is unhealthy",
     .type = SCHEMA_DURATION,
     IN(struct config, time.phc_limit_ns),
     .live = LIVE_CONTROL,
     .unit_ns = 1,
     .min = 1000,
     .max = NS_PER_S,
     .fallback = "1ms"},
    {.path = "time.max_error",
     .help = "a clock that may be wrong by as much is served as not synchronised",
     .type = SCHEMA_DURATION,
     IN(struct config, time.max_error_ms),
     .live = LIVE_CONTROL,
     .unit_ns = NS_PER_MS,
     .min = 1,
     .max = 16000,
     .fallback = "1500ms"},
    {.path = "time.on_unhealthy",
     .help = "while the clock is not synchronised: mark replies (leap 3), or do not answer",
     .type = SCHEMA_CHOICE,
     IN(struct config, time.on_unhealthy),
     .live = LIVE_DATAPLANE | LIVE_CONTROL, // control says it in its messages
     .words = unhealthy_words,
     .fallback = "mark"},
    {.path = "time.hook",
     .help = "program that root runs when the clock becomes healthy or unhealthy",
     .type = SCHEMA_PATH,
     IN(struct config, time.hook),
     .live = LIVE_SUPERVISOR | LIVE_CONTROL, // control shows whether there is one
     .max = 4095,
     .fallback = ""},

    {.path = "metrics", .help = "metrics for Prometheus over HTTP", .type = SCHEMA_GROUP},
    {.path = "metrics.listen",
     .help = "TCP address of /metrics; empty: none",
     .type = SCHEMA_LISTEN,
     IN(struct config, metrics.listen),
     .live = LIVE_SUPERVISOR | LIVE_CONTROL, // control shows whether there is one
     .fallback = ""},

    {.path = "log", .help = "what is logged", .type = SCHEMA_GROUP},
    {.path = "log.level",
     .help = "the least that is logged",
     .type = SCHEMA_WORD,
     IN(struct config, log.level),
     .live = LIVE_SUPERVISOR, // which tells all others
     .words = level_words,
     .fallback = "info"},
};
const size_t schema_n = sizeof schema / sizeof schema[0];
