#include "control/time/smear.h"

#include "base/ntp_time.h"

#include <math.h>

#define SECOND_NS ((int64_t)NS_PER_S)
#define HALF_DAY_S 43200
#define DAY_S 86400
#define NEAR_NS (2 * SECOND_NS)

// The leap second of this day, or of the day before until its smear has ended.
static const struct leap_second *near_leap(const struct leap_list *list, int64_t utc_ns)
{
    for (int64_t i = 0; i < list->n; i++) {
        const int64_t since_s = utc_ns / SECOND_NS - list->leap[i].at_s;
        if (since_s >= -DAY_S && since_s < HALF_DAY_S)
            return &list->leap[i];
    }
    return NULL;
}

static int64_t since_leap_ns(const struct smear *smear, int64_t utc_ns)
{
    return utc_ns - smear->leap.at_s * SECOND_NS;
}

// The date says on which side of the jump the clock is, but for the seconds around it.
static void judge_by_date(struct smear *smear, int64_t utc_ns)
{
    const int64_t since_ns = since_leap_ns(smear, utc_ns);
    smear->behind = since_ns >= 0;
    smear->unsure = since_ns > -NEAR_NS && since_ns < NEAR_NS;
}

static void begin(struct smear *smear, const struct leap_second *leap, int64_t utc_ns)
{
    *smear = (struct smear){.leap = *leap};
    judge_by_date(smear, utc_ns);
}

// The clock goes on without its jump: it is wrong by a second, or is slewed by one. Either its
// source says that it is wrong, until it is right again; or nobody does.
static void watch_jump(struct smear *smear, int64_t utc_ns, bool healthy)
{
    if (smear->behind || since_leap_ns(smear, utc_ns) < NEAR_NS)
        return;
    smear->unmade = true;
    smear->fell_ill |= !healthy;
    if (!smear->fell_ill || !healthy)
        return;
    smear->unmade = false;
    smear->behind = true;
}

// What has gone by of the smear, of 0 to 1.
static double share(const struct smear *smear, int64_t utc_ns, double length_ns)
{
    double gone_ns = (double)(since_leap_ns(smear, utc_ns) + HALF_DAY_S * SECOND_NS);
    if (smear->behind)
        gone_ns += (double)(smear->leap.by * SECOND_NS);
    return fmin(fmax(gone_ns / length_ns, 0), 1);
}

struct smear_now smear_step(struct smear *smear, const struct leap_list *list, int64_t utc_ns,
                            bool healthy)
{
    const struct leap_second *leap = near_leap(list, utc_ns);
    if (leap == NULL) {
        *smear = (struct smear){0};
        return (struct smear_now){.state = SMEAR_NONE};
    }
    if (smear->leap.at_s != leap->at_s || smear->leap.by != leap->by)
        begin(smear, leap, utc_ns);
    if (smear->unsure)
        judge_by_date(smear, utc_ns);
    if (!smear->unsure)
        watch_jump(smear, utc_ns, healthy);

    const double by = (double)leap->by;
    const double length_ns = (double)((DAY_S + leap->by) * SECOND_NS);
    const double gone = share(smear, utc_ns, length_ns);
    return (struct smear_now){
        .state = smear->unsure || smear->unmade ? SMEAR_LOST : SMEAR_ON,
        .of = leap->by > 0 ? LEAP_INSERT : LEAP_DELETE,
        .ns = by * ((smear->behind ? 1 : 0) - gone) * NS_PER_S,
        .rate = gone > 0 && gone < 1 ? -by / length_ns * NS_PER_S : 0,
        .ends_s = leap->at_s + HALF_DAY_S,
    };
}

bool smear_stepped(struct smear *smear, int64_t utc_ns, double by_ns)
{
    if (smear->leap.at_s == 0)
        return false;
    const int64_t since_ns = since_leap_ns(smear, utc_ns);
    const uint8_t of = smear->leap.by > 0 ? LEAP_INSERT : LEAP_DELETE;
    const bool near = since_ns > -NEAR_NS && since_ns < NEAR_NS;
    if (near && !smear->behind && !smear->unsure && leap_is_jump(of, by_ns)) {
        smear->behind = true;
        return true;
    }
    begin(smear, &(struct leap_second){smear->leap.at_s, smear->leap.by}, utc_ns);
    return false;
}
