// A load engine in a test environment: a path in memory to a small NTS server, which sends right or
// wrong replies as a test wants, and a supply of new sessions. The server reads requests with
// offsets of its own and keeps books: which cookies it gave, which came back, what it was asked.
// The time is lab_clock.h's. All of it belongs to the thread of the load.
#pragma once

#include "perf/load/load.h"

enum lie {
    LIE_NONE,
    LIE_FLIP,             // a bit of the octet lab.octet
    LIE_AGAIN,            // the reply twice in one burst
    LIE_AGAIN_LATER,      // and once more when it is long settled
    LIE_CUT,              // to lab.octet octets
    LIE_GROW,             // by lab.octet octets
    LIE_ASTRAY,           // to another endpoint
    LIE_KISS,             // of lab.kiss
    LIE_KISS_BARE,        // likewise, without the identifier
    LIE_LATE,             // when the engine has given the request up
    LIE_LATE_ASTRAY,      // likewise, to another endpoint
    LIE_SILENCE,          //
    LIE_SHORT_COOKIES,    // four octets less each
    LIE_ONE_MORE,         // cookie than asked for
    LIE_NO_COOKIE,        // and no plaintext at all
    LIE_NO_COOKIE_FIELDS, // another field instead
    LIE_STALE,            // the origin of a request before
    LIE_NO_RECEIVE,       // timestamps of 0
    LIE_NO_TRANSMIT,      //
    LIE_BACKWARDS,        // transmit 1 us before receive
    LIE_EARLY,            // receive a second ago
    LIE_AHEAD,            // transmit in a second
    LIE_UNSEALED,         // the authenticator is left out
    LIE_WRONG_KEY,        // sealed under C2S
    LIE_OTHER_UID,        //
    LIE_GENUINE,          // what is forged or garbage is answered as if it were not
};

enum { LAB_CLIENTS_MAX = 256, LAB_COOKIES_MAX = 1 << 20, LAB_STAMPS_MAX = 4096 };

struct lab_reply {
    struct lab_reply *next;
    uint64_t transmit; // of its request
    uint64_t ready_ns; // not before
    bool given_up;     // not before the engine has given the request up
    bool settled;      // not before it has settled it
    uint32_t endpoint;
    uint16_t len;
    uint8_t payload[PATH_PAYLOAD_MAX + PATH_BEHIND];
};

// When a request left.
struct lab_stamp {
    uint64_t ns;
    uint8_t payload[48];
};

struct lab {
    struct path path; // the head
    struct load load;
    struct clients clients;
    struct flow flow[FLOWS_MAX];
    struct rng rng;
    _Atomic bool stop;

    // The server's wrong replies: to each `every`-th request of the first `until`.
    enum lie lie;
    unsigned octet;
    uint32_t kiss;
    unsigned every, until;
    bool grants_interleaved;
    unsigned nonce_len;   // of its replies; 16
    unsigned cookies_max; // in a reply; 8
    uint64_t delay_ns;    // of every reply
    // How the path behaves.
    unsigned take;             // requests that it takes at a call
    uint64_t shut_ns, open_ns; // it takes nothing between, from the first request on
    unsigned lose_stamps;      // each of so many stamps of departure; 0: none
    bool stamps_twice;         // and later ones besides
    bool lose_arrivals;        // stamps of what comes
    unsigned stop_at;          // sets stop at that request; 0: never
    // How the supply behaves.
    uint64_t supply_ns;   // until a session has come
    unsigned supply_room; // sessions that it takes at a time; 0: there is no supply

    // The books.
    unsigned n_requests, n_nts, n_plain, n_garbage, n_bad_tag, n_unknown, n_asked_interleaved;
    unsigned n_lies, n_given, n_placeholders, n_after_stop;
    unsigned n_stamps; // of departure, taken or lost
    unsigned n_split;  // sends that took a bunch in two pieces
    unsigned n_left;   // replies that were still on their way when the load ended
    unsigned n_twice;  // genuine requests with a cookie that was spent before
    unsigned n_session_requests, n_requested_twice, n_sessions;
    uint64_t first_ns; // when the first request came
    uint64_t last_transmit;
    uint8_t generation[LAB_CLIENTS_MAX];
    bool awaited[LAB_CLIENTS_MAX];
    uint64_t requested_ns[LAB_CLIENTS_MAX];
    uint8_t spent[LAB_COOKIES_MAX];
    struct lab_reply *first, **end;
    uint8_t leaving[LANES][PATH_PAYLOAD_MAX + PATH_BEHIND];
    struct lab_stamp stamp[LAB_STAMPS_MAX]; // a ring
    unsigned stamp_from, stamp_to;
    struct lab_reply *arrived[LANES];
    struct load_row row[LOAD_ROWS_MAX];
};

// A lab with that many clients, each with eight cookies (cookie_len 0: none), that ask in one NTS
// flow (or a plain one). NULL never comes back. lab_close frees it.
struct lab *lab_open(uint32_t n_clients, uint32_t n_endpoints, uint32_t cookie_len);
void lab_close(struct lab *lab);

// Adds a flow to the load.
void lab_flow(struct lab *lab, enum flow_kind kind, double weight);

// Runs the load at a rate for a span, with timeouts of timeout_ms, and checks that each request
// ended in exactly one counter.
void lab_run(struct lab *lab, double rate, unsigned span_ms, unsigned timeout_ms);

// A counter of the first flow.
static inline uint64_t lab_count(const struct lab *lab, enum tally_item item)
{
    return lab->flow[0].tally.count[item];
}
