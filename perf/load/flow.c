#include "perf/load/flow.h"

const struct flow_row flow_rows[FLOW_KINDS] = {
    [FLOW_NTS] = {"nts", "NTS requests", true, true, HOPE_TIME},
    [FLOW_PLAIN] = {"plain", "plain NTP requests", true, false, HOPE_TIME},
    [FLOW_VICTIM] = {"victim", "well-behaved clients", true, true, HOPE_TIME},
    [FLOW_BAD_TAG] = {"bad-tag", "genuine cookies, forged authenticators", false, true, HOPE_NAK},
    [FLOW_UNKNOWN_KEY] = {"unknown-key", "cookies with an unknown key id", false, true, HOPE_NAK},
    [FLOW_GARBAGE] = {"garbage", "malformed extension fields", false, false, HOPE_NOTHING},
    [FLOW_REPLAY] = {"replay", "one NTS request, repeated", false, true, HOPE_TIME},
    [FLOW_ELEPHANT] = {"elephant", "ten clients that ask far too often", false, false, HOPE_TIME},
    [FLOW_FLOOD] = {"flood", "plain requests from many addresses, possibly spoofed", false, false,
                    HOPE_NOTHING},
};

// Each flow's credit grows by its weight. The flow with the most credit is chosen, and its credit
// falls by the sum of all weights.
unsigned flow_pick(struct flow *flow, unsigned n)
{
    double total = 0;
    unsigned richest = 0;
    for (unsigned i = 0; i < n; i++) {
        flow[i].credit += flow[i].weight;
        total += flow[i].weight;
        if (flow[i].credit > flow[richest].credit)
            richest = i;
    }
    flow[richest].credit -= total;
    return richest;
}
