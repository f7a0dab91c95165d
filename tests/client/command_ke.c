// ntsprobe ke: one NTS-KE exchange, as ke.h describes it.
//
//   --alpn LIST            comma-separated, "" for none (default ntske/1)
//   --tls-min V --tls-max V  1.0 to 1.3
//   --suites LIST --groups LIST
//   --psk --early          offer a key that nobody knows; send the request as early data
//   --updates N            key updates before the request
//   --request HEX          instead of a correct one; @FILE reads the hex from a file
//   --junk N               N octets of zeros after the request
//   --split N              the first N octets in a TLS record of their own
//   --mss N                TCP segments of N octets at the most
//   --chunk N --chunk-ms N octets a TLS record, pause after each
//   --stop-at N            fall silent after N octets of the request
//   --before-ms N --wait-ms N --read-ms N   pauses before ClientHello, request, reading
//   --then WHAT            wait | notify | fin | close | reset
//   --aead N               export keys for this AEAD, whatever the response says
//   --timeout MS           of each blocking call
//   --count N              the exchange N times, one line each
#include "tests/client/commands.h"
#include "tests/client/octets.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALPN = OPTION_OWN,
    TLS_MIN,
    TLS_MAX,
    SUITES,
    GROUPS,
    PSK,
    EARLY,
    UPDATES,
    REQUEST,
    JUNK,
    SPLIT,
    MSS,
    CHUNK,
    CHUNK_MS,
    STOP_AT,
    BEFORE_MS,
    WAIT_MS,
    READ_MS,
    THEN,
    AEAD,
    TIMEOUT,
    COUNT,
};

static const struct option options[] = {
    COMMON_OPTIONS,
    {"alpn", required_argument, NULL, ALPN},
    {"tls-min", required_argument, NULL, TLS_MIN},
    {"tls-max", required_argument, NULL, TLS_MAX},
    {"suites", required_argument, NULL, SUITES},
    {"groups", required_argument, NULL, GROUPS},
    {"psk", no_argument, NULL, PSK},
    {"early", no_argument, NULL, EARLY},
    {"updates", required_argument, NULL, UPDATES},
    {"request", required_argument, NULL, REQUEST},
    {"junk", required_argument, NULL, JUNK},
    {"split", required_argument, NULL, SPLIT},
    {"mss", required_argument, NULL, MSS},
    {"chunk", required_argument, NULL, CHUNK},
    {"chunk-ms", required_argument, NULL, CHUNK_MS},
    {"stop-at", required_argument, NULL, STOP_AT},
    {"before-ms", required_argument, NULL, BEFORE_MS},
    {"wait-ms", required_argument, NULL, WAIT_MS},
    {"read-ms", required_argument, NULL, READ_MS},
    {"then", required_argument, NULL, THEN},
    {"aead", required_argument, NULL, AEAD},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"count", required_argument, NULL, COUNT},
    {0},
};

static int version_of(const char *text)
{
    return strcmp(text, "1.0") == 0   ? TLS1_VERSION
           : strcmp(text, "1.1") == 0 ? TLS1_1_VERSION
           : strcmp(text, "1.2") == 0 ? TLS1_2_VERSION
                                      : TLS1_3_VERSION;
}

static enum ke_after after_of(const char *text)
{
    return strcmp(text, "notify") == 0  ? KE_AFTER_NOTIFY
           : strcmp(text, "fin") == 0   ? KE_AFTER_FIN
           : strcmp(text, "close") == 0 ? KE_AFTER_CLOSE
           : strcmp(text, "reset") == 0 ? KE_AFTER_RESET
                                        : KE_AFTER_WAIT;
}

// The request's octets; room for junk behind them.
static uint8_t request[KE_REQUEST_MAX];

static bool request_read(const char *text, struct ke_plan *plan)
{
    static char file[2 * KE_REQUEST_MAX + 2];
    if (text[0] == '@') {
        FILE *in = fopen(text + 1, "re");
        if (in == NULL)
            return false;
        size_t n = fread(file, 1, sizeof file - 1, in);
        file[n] = '\0';
        fclose(in);
        text = file;
    }
    int n = octets_from_hex(text, request, sizeof request);
    plan->request = request;
    plan->request_len = n < 0 ? 0 : (size_t)n;
    return n >= 0;
}

static void junk_add(size_t junk, struct ke_plan *plan)
{
    if (junk == 0 || junk > sizeof request - plan->request_len)
        return;
    memmove(request, plan->request, plan->request_len);
    memset(request + plan->request_len, 0, junk);
    plan->request = request;
    plan->request_len += junk;
}

static bool own_option(int option, const char *value, struct ke_plan *plan)
{
    switch (option) {
    case ALPN:
        plan->alpn = value;
        return true;
    case TLS_MIN:
        plan->version_min = version_of(value);
        return true;
    case TLS_MAX:
        plan->version_max = version_of(value);
        return true;
    case SUITES:
        plan->suites = value;
        return true;
    case GROUPS:
        plan->groups = value;
        return true;
    case PSK:
        plan->psk = true;
        return true;
    case EARLY:
        plan->early = true;
        return true;
    case REQUEST:
        return request_read(value, plan);
    case THEN:
        plan->after = after_of(value);
        return true;
    default:
        return false;
    }
}

static bool number_option(int option, unsigned value, struct ke_plan *plan)
{
    switch (option) {
    case UPDATES:
        plan->updates = value;
        return true;
    case SPLIT:
        plan->split = value;
        return true;
    case MSS:
        plan->mss = value;
        return true;
    case CHUNK:
        plan->chunk = value;
        return true;
    case CHUNK_MS:
        plan->chunk_ms = value;
        return true;
    case STOP_AT:
        plan->stop_at = value;
        return true;
    case BEFORE_MS:
        plan->before_ms = value;
        return true;
    case WAIT_MS:
        plan->wait_ms = value;
        return true;
    case READ_MS:
        plan->read_ms = value;
        return true;
    case AEAD:
        plan->aead = (uint16_t)value;
        return true;
    case TIMEOUT:
        plan->timeout_ms = value;
        return true;
    default:
        return false;
    }
}

int command_ke(int argc, char **argv)
{
    static struct ke_result result;
    struct ke_plan plan = ke_plan_plain();
    unsigned count = 1;
    size_t junk = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned number = optarg != NULL ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        if (option == COUNT)
            count = number;
        else if (option == JUNK)
            junk = number;
        else if (option >= OPTION_ADDRESS && option < OPTION_COMMON_END)
            common_option(option, optarg, &plan);
        else if (!own_option(option, optarg, &plan) && !number_option(option, number, &plan))
            return 2;
    }
    if (plan.address == NULL || optind != argc)
        return 2;
    junk_add(junk, &plan);
    for (unsigned i = 0; i < count; i++) {
        ke_run(&plan, &result);
        ke_print(stdout, &result);
    }
    return 0;
}
