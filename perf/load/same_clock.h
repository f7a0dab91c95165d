// Checks the timestamps of a server that reads the same clock as the tester. The true offset is
// then 0, and T1 <= T2 <= T3 <= T4 must hold in each exchange (RFC 5905, section 8). T1 and T4 are
// the kernel's stamps of when the request left and the reply came; T2 and T3 are the reply's
// receive and transmit timestamps. While this order holds, the error of a client's offset is at
// most half its delay. The only tolerance is the resolution of the timestamps. A kernel's stamp is
// rounded down to whole ns, so the true time may be up to 1 ns later. A server's timestamp is exact
// only to its precision: by RFC 5905, section 6, the bits below it are random. Pure; a struct
// same_clock belongs to one thread.
#pragma once

#include "base/ntp_time.h"
#include "perf/load/tally.h"

enum same_clock_error {
    SAME_CLOCK_RECEIVE,  // T2 before T1: received before it was sent
    SAME_CLOCK_TRANSMIT, // T3 after T4: sent after it was received
    SAME_CLOCK_ORDER,    // T3 before T2
    SAME_CLOCK_ERRORS,
};

struct same_clock_row {
    const char *name;
    const char *text; // for people
};

extern const struct same_clock_row same_clock_rows[SAME_CLOCK_ERRORS];

// One exchange.
struct same_clock_exchange {
    uint64_t sent_ns;    // T1, ns since 1970
    uint64_t arrived_ns; // T4
    ntp_time receive;    // T2
    ntp_time transmit;   // T3
    int8_t precision;    // of the server's timestamps: log2 of seconds
    uint32_t dispersion; // the reply's root dispersion, in units of 2^-16 s
    uint64_t at_ns;      // time since the start of the run
};

struct same_clock {
    uint64_t judged;
    uint64_t unjudged; // exchanges without a kernel's stamp, or in interleaved mode
    // Exchanges with this error, larger than the precision.
    uint64_t errors[SAME_CLOCK_ERRORS];
    uint64_t broken;    // exchanges with any of these errors
    uint64_t uncovered; // of those: with an error larger than the reply's own root dispersion
    uint64_t beyond_half_delay; // |offset| > delay / 2 + 1 us
    struct spread receive;      // ns of T2 - T1
    struct spread transmit;     // ns of T3 - T4
    struct histogram offset;    // ns of |offset|
    // The largest error; worst_ns is 0 while there is none.
    uint64_t worst_ns;
    enum same_clock_error worst;
    uint64_t worst_at_ns;
};

void same_clock_init(struct same_clock *same_clock);
void same_clock_judge(struct same_clock *same_clock, const struct same_clock_exchange *exchange);

// Share of the judged exchanges without an error; 0 when none was judged.
double same_clock_contained(const struct same_clock *same_clock);
