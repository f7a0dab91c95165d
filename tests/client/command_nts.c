// ntsprobe nts: NTS-KE (or keys from the command line), then requests of a shape; every reply is
// read as a strict client must.
//
//   --ntp-address A --ntp-port N   instead of what NTS-KE said
//   --c2s HEX --s2c HEX --cookie HEX   instead of NTS-KE
//   --fields LIST --inner LIST     see shape.h
//   --version N --mode N --poll N
//   --nonce N --pad N --unpadded   authenticator: length of nonce, additional padding
//   --claim-nonce N --claim-cipher N --claim-field N   what its length fields say
//   --key c2s|s2c|random           which key seals
//   --cookie-xor N                 flip the lowest bit of the cookie's octet N
//   --flip A:B                     one request for each bit A to B-1, with that bit flipped at the
//                                  end (bit 0: the highest of the first octet)
//   --count N                      N requests in sequence, each with a cookie of the reply before
//   --repeat N                     the very same datagram N times
//   --random-header                random octets in all header fields but the first
//   --timeout MS                   for each reply (500)
//   --source-port N
//
// A line a request: verdict (authenticated, nak, plain, kiss, bad, silence), why, and all fields.
#include "tests/client/commands.h"
#include "tests/client/octets.h"
#include "tests/client/shape.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NTP_ADDRESS = OPTION_OWN,
    NTP_PORT,
    C2S,
    S2C,
    COOKIE,
    FIELDS,
    INNER,
    VERSION,
    MODE,
    POLL,
    NONCE,
    PAD,
    UNPADDED,
    CLAIM_NONCE,
    CLAIM_CIPHER,
    CLAIM_FIELD,
    KEY,
    COOKIE_XOR,
    FLIP,
    COUNT,
    REPEAT,
    RANDOM_HEADER,
    TIMEOUT,
    SOURCE_PORT,
};

static const struct option options[] = {
    COMMON_OPTIONS,
    {"ntp-address", required_argument, NULL, NTP_ADDRESS},
    {"ntp-port", required_argument, NULL, NTP_PORT},
    {"c2s", required_argument, NULL, C2S},
    {"s2c", required_argument, NULL, S2C},
    {"cookie", required_argument, NULL, COOKIE},
    {"fields", required_argument, NULL, FIELDS},
    {"inner", required_argument, NULL, INNER},
    {"version", required_argument, NULL, VERSION},
    {"mode", required_argument, NULL, MODE},
    {"poll", required_argument, NULL, POLL},
    {"nonce", required_argument, NULL, NONCE},
    {"pad", required_argument, NULL, PAD},
    {"unpadded", no_argument, NULL, UNPADDED},
    {"claim-nonce", required_argument, NULL, CLAIM_NONCE},
    {"claim-cipher", required_argument, NULL, CLAIM_CIPHER},
    {"claim-field", required_argument, NULL, CLAIM_FIELD},
    {"key", required_argument, NULL, KEY},
    {"cookie-xor", required_argument, NULL, COOKIE_XOR},
    {"flip", required_argument, NULL, FLIP},
    {"count", required_argument, NULL, COUNT},
    {"repeat", required_argument, NULL, REPEAT},
    {"random-header", no_argument, NULL, RANDOM_HEADER},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"source-port", required_argument, NULL, SOURCE_PORT},
    {0},
};

struct orders {
    struct ke_plan ke;
    const char *ntp_address;
    uint16_t ntp_port;
    uint16_t source_port;
    struct shape shape;
    uint8_t c2s[SEAL_KEY_LEN];
    uint8_t s2c[SEAL_KEY_LEN];
    uint8_t sealing[SEAL_KEY_LEN];
    uint8_t cookie[REPLY_COOKIE_MAX];
    const char *key;
    int cookie_xor;
    bool given; // keys came from the command line
    unsigned flip_from, flip_to;
    unsigned count, repeat;
    int timeout_ms;
};

static bool shape_option(int option, const char *value, struct shape *shape)
{
    int number = value != NULL ? atoi(value) : 0;
    switch (option) {
    case FIELDS:
        shape->fields = value;
        return true;
    case INNER:
        shape->inner = value;
        return true;
    case VERSION:
        shape->version = (unsigned)number;
        return true;
    case MODE:
        shape->mode = (unsigned)number;
        return true;
    case POLL:
        shape->poll = (uint8_t)number;
        return true;
    case RANDOM_HEADER:
        shape->random_header = true;
        return true;
    case NONCE:
        shape->authenticator.nonce_len = (uint16_t)number;
        return true;
    case PAD:
        shape->authenticator.padding = (uint16_t)number;
        return true;
    case UNPADDED:
        shape->authenticator.unpadded = true;
        return true;
    case CLAIM_NONCE:
        shape->authenticator.claim_nonce_len = number;
        return true;
    case CLAIM_CIPHER:
        shape->authenticator.claim_cipher_len = number;
        return true;
    case CLAIM_FIELD:
        shape->authenticator.claim_field_len = number;
        return true;
    default:
        return false;
    }
}

static bool key_option(int option, const char *value, struct orders *o)
{
    switch (option) {
    case C2S:
        o->given = true;
        return octets_from_hex(value, o->c2s, sizeof o->c2s) == SEAL_KEY_LEN;
    case S2C:
        return octets_from_hex(value, o->s2c, sizeof o->s2c) == SEAL_KEY_LEN;
    case COOKIE: {
        int n = octets_from_hex(value, o->cookie, sizeof o->cookie);
        o->shape.cookie_len = n < 0 ? 0 : (size_t)n;
        return n >= 0;
    }
    case KEY:
        o->key = value;
        return true;
    case COOKIE_XOR:
        o->cookie_xor = atoi(value);
        return true;
    default:
        return false;
    }
}

static bool run_option(int option, const char *value, struct orders *o)
{
    switch (option) {
    case NTP_ADDRESS:
        o->ntp_address = value;
        return true;
    case NTP_PORT:
        o->ntp_port = (uint16_t)atoi(value);
        return true;
    case FLIP:
        return sscanf(value, "%u:%u", &o->flip_from, &o->flip_to) == 2;
    case COUNT:
        o->count = (unsigned)atoi(value);
        return true;
    case REPEAT:
        o->repeat = (unsigned)atoi(value);
        return true;
    case TIMEOUT:
        o->timeout_ms = atoi(value);
        return true;
    case SOURCE_PORT:
        o->source_port = (uint16_t)atoi(value);
        return true;
    default:
        return false;
    }
}

// Keys, a cookie and an address by NTS-KE, unless they were given.
static bool agree(struct orders *o)
{
    static struct ke_result ke;
    if (!o->given) {
        ke_run(&o->ke, &ke);
        if (!ke_succeeded(&ke) || ke.cookie_len[0] > REPLY_COOKIE_MAX) {
            ke_print(stdout, &ke);
            return false;
        }
        memcpy(o->c2s, ke.c2s, SEAL_KEY_LEN);
        memcpy(o->s2c, ke.s2c, SEAL_KEY_LEN);
        memcpy(o->cookie, ke.cookie[0], ke.cookie_len[0]);
        o->shape.cookie_len = ke.cookie_len[0];
        if (o->ntp_address == NULL && ke.server[0] != '\0')
            o->ntp_address = ke.server;
        if (o->ntp_port == 0)
            o->ntp_port = ke.ntp_port;
    }
    memcpy(o->sealing, o->c2s, SEAL_KEY_LEN);
    if (o->key != NULL && strcmp(o->key, "s2c") == 0)
        memcpy(o->sealing, o->s2c, SEAL_KEY_LEN);
    if (o->key != NULL && strcmp(o->key, "random") == 0)
        octets_random(o->sealing, SEAL_KEY_LEN);
    o->shape.c2s = o->sealing;
    o->shape.s2c = o->s2c;
    o->shape.cookie = o->cookie;
    if (o->cookie_xor >= 0 && (size_t)o->cookie_xor < o->shape.cookie_len)
        o->cookie[o->cookie_xor] ^= 1;
    return true;
}

static void print(const struct packet *request, const struct ask *ask, const uint8_t *reply,
                  ssize_t len, const struct reply *r)
{
    printf("{\"verdict\":\"%s\",", len < 0 ? "silence" : reply_kind_text[r->kind]);
    text_print(stdout, "why", len < 0 ? "" : r->why);
    printf(",\"request_len\":%zu,\"reply_len\":%zd,\"asked\":%u,\"cookies\":[", request->len, len,
           ask->cookies_asked);
    for (unsigned i = 0; len >= 0 && i < r->n_cookies; i++) {
        printf("%s\"", i > 0 ? "," : "");
        for (size_t j = 0; j < r->cookie_len; j++)
            printf("%02x", r->cookie[i][j]);
        putchar('"');
    }
    printf("],");
    octets_print(stdout, "request", request->at, request->len);
    putchar(',');
    octets_print(stdout, "reply", reply, len < 0 ? 0 : (size_t)len);
    if (len >= NTP_HEADER_LEN) {
        printf(",\"leap\":%u,\"version\":%u,\"mode\":%u,\"stratum\":%u,\"poll\":%u,"
               "\"precision\":%d,\"kiss\":\"%s\",",
               r->leap, r->version, r->mode, r->stratum, r->poll, r->precision, r->kiss);
        octets_print(stdout, "nonce", r->nonce, sizeof r->nonce);
    }
    printf("}\n");
}

// Sends the datagram, waits, reads; the last cookie of an authenticated reply is the next
// request's.
static void exchange(struct orders *o, int fd, const struct packet *request, const struct ask *ask)
{
    uint8_t octets[PACKET_MAX];
    while (recv(fd, octets, sizeof octets, MSG_DONTWAIT) >= 0)
        ; // late replies to what came before
    send(fd, request->at, request->len, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t len = -1;
    if (poll(&ready, 1, o->timeout_ms) > 0)
        len = recv(fd, octets, sizeof octets, 0);
    static struct reply r;
    if (len >= 0)
        reply_read(ask, octets, (size_t)len, &r);
    print(request, ask, octets, len, &r);
    if (len >= 0 && r.kind == REPLY_AUTHENTICATED)
        memcpy(o->cookie, r.cookie[r.n_cookies - 1], r.cookie_len);
}

static int open_socket(const struct orders *o)
{
    const char *address = o->ntp_address != NULL ? o->ntp_address : o->ke.address;
    struct sockaddr_storage to, from;
    socklen_t to_len, from_len;
    if (!ke_address(address, o->ntp_port != 0 ? o->ntp_port : 123, &to, &to_len) ||
        !ke_address(to.ss_family == AF_INET ? "0.0.0.0" : "::", o->source_port, &from, &from_len))
        return -1;
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&from, from_len) != 0 ||
        connect(fd, (struct sockaddr *)&to, to_len) != 0) {
        perror("socket");
        return -1;
    }
    return fd;
}

static bool perform(struct orders *o, int fd)
{
    static struct packet request;
    struct ask ask;
    unsigned turns = o->flip_to > o->flip_from ? o->flip_to - o->flip_from : o->count;
    for (unsigned i = 0; i < turns; i++) {
        if (!shape_build(&o->shape, &request, &ask))
            return false;
        if (o->flip_to > o->flip_from) {
            unsigned bit = o->flip_from + i;
            if (bit / 8 >= request.len)
                break;
            request.at[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
        for (unsigned j = 0; j < o->repeat; j++)
            exchange(o, fd, &request, &ask);
    }
    return true;
}

int command_nts(int argc, char **argv)
{
    static struct orders o;
    o.ke = ke_plan_plain();
    o.shape = shape_plain();
    o.cookie_xor = -1;
    o.count = o.repeat = 1;
    o.timeout_ms = 500;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option >= OPTION_ADDRESS && option < OPTION_COMMON_END)
            common_option(option, optarg, &o.ke);
        else if (!shape_option(option, optarg, &o.shape) && !key_option(option, optarg, &o) &&
                 !run_option(option, optarg, &o))
            return 2;
    }
    if (optind != argc || (o.ke.address == NULL && o.ntp_address == NULL))
        return 2;
    if (!agree(&o))
        return 1;
    int fd = open_socket(&o);
    return fd >= 0 && perform(&o, fd) ? 0 : 1;
}
