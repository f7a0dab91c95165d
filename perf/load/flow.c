#include "perf/load/flow.h"

const struct flow_row flow_rows[FLOW_KINDS] = {
    [FLOW_NTS] = {"nts", "NTS requests", true, true, HOPE_TIME},
    [FLOW_PLAIN] = {"plain", "plain NTP requests", true, false, HOPE_TIME},
    [FLOW_VICTIM] = {"victim", "well-behaved clients beside the others", true, true, HOPE_TIME},
    [FLOW_BAD_TAG] = {"bad-tag", "genuine cookies, forged authenticators", false, true, HOPE_NAK},
    [FLOW_UNKNOWN_KEY] = {"unknown-key", "cookies under a key nobody has", false, true, HOPE_NAK},
    [FLOW_GARBAGE] = {"garbage", "malformed extension fields", false, false, HOPE_NOTHING},
    [FLOW_REPLAY] = {"replay", "one NTS request, repeated", false, true, HOPE_TIME},
    [FLOW_FLOOD] = {"flood", "plain requests of many, perhaps spoofed", false, false, HOPE_NOTHING},
};

// Each flow earns its weight; the richest is chosen and pays for all.
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
