// A leap second as a smear: what a smearing port adds to CLOCK_REALTIME. The second is spread
// evenly from noon before it to noon behind it, as other public time services do it: a time that
// has a second too many or too few becomes one of 86400 longer or shorter seconds.
//
// It follows from the date and the list of leap seconds alone, so a restart goes on with it. One
// thing is not in the date: whether the clock has made its jump, in the seconds around it. That was
// seen, or the smear is lost until it is clear again.
//
// Pure; one thread.
#pragma once

#include "board/ntp_state.h"
#include "control/time/leap_list.h"

#include <stdbool.h>
#include <stdint.h>

struct smear {
    struct leap_second leap; // that is near; at_s 0: none
    bool behind;             // CLOCK_REALTIME has made its jump
    bool unsure;             // it was not seen whether it has
    bool unmade;             // it has not, and should have
    bool fell_ill;           // the clock was unhealthy since then
};

// At one moment.
struct smear_now {
    enum ntp_smear state;
    uint8_t of;     // LEAP_INSERT or LEAP_DELETE; of SMEAR_ON
    double ns;      // to be added to CLOCK_REALTIME
    double rate;    // how fast that grows, in ns a ns
    int64_t ends_s; // Unix time of the noon at its end; 0: no leap second is near
};

// utc_ns: CLOCK_REALTIME now. healthy: nothing speaks against the clock but a jump that the leap
// second explains.
struct smear_now smear_step(struct smear *smear, const struct leap_list *list, int64_t utc_ns,
                            bool healthy);

// CLOCK_REALTIME was stepped by that much, to utc_ns. True when it has made the jump that the list
// has for this moment.
bool smear_stepped(struct smear *smear, int64_t utc_ns, double by_ns);
