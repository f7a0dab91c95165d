#include "control/time/smearing.h"

#include "base/log.h"
#include "base/ntp_time.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { DAY_S = 86400, SOON_DAYS = 28 };

static const char list_mend[] =
    "install or update tzdata, or name another list (time.leap_list); a leap second that it does "
    "not know is not smeared";

void smearing_open(struct smearing *smearing, const char *path)
{
    *smearing = (struct smearing){.on = path != NULL, .path = path};
    if (smearing->on)
        log_warning("ports with `leap: smear` SERVE A TIME THAT IS NOT UTC for 24 h around a leap "
                    "second, by up to 0.5 s, and NTP cannot tell clients so: let no client ask "
                    "them and other servers (RFC 8633, section 3.7.1)");
}

bool smearing_list_is_bad(const struct smearing *smearing, int64_t utc_ns)
{
    return smearing->on && (!smearing->has_list || smearing->list.fault != 0 ||
                            utc_ns / NS_PER_S >= smearing->list.expires_s);
}

void smearing_take(struct smearing *smearing, const struct leap_list *list)
{
    smearing->has_list |= list->expires_s != 0;
    smearing->list = *list;
}

static void day_text(int64_t unix_s, char text[16])
{
    struct tm day;
    const time_t at = (time_t)unix_s;
    if (gmtime_r(&at, &day) == NULL || strftime(text, 16, "%Y-%m-%d", &day) == 0)
        snprintf(text, 16, "?");
}

static void say_list(struct smearing *smearing, int64_t utc_ns)
{
    const struct leap_list *list = &smearing->list;
    const int64_t now_s = utc_ns / NS_PER_S;
    const int64_t left_s = list->expires_s - now_s;
    const bool bad = smearing_list_is_bad(smearing, utc_ns);
    char day[16];
    day_text(list->expires_s, day);
    if (!bad && left_s < SOON_DAYS * DAY_S && now_s - smearing->warned_s >= DAY_S) {
        smearing->warned_s = now_s;
        log_warning("%s expires on %s: %s", smearing->path, day, list_mend);
    }
    if (bad == smearing->bad_list)
        return;
    smearing->bad_list = bad;
    if (!bad)
        log_info("%s is read, and expires on %s", smearing->path, day);
    else if (list->fault != 0)
        log_error("%s cannot be read: %s; %s", smearing->path, leap_list_fault(list->fault),
                  list_mend);
    else
        log_error("%s expired on %s: %s", smearing->path, day, list_mend);
}

// What the source says, against the list. The list decides; both should say the same on that day.
static void say_difference(struct smearing *smearing, const struct smear_now *now, int64_t utc_ns,
                           uint8_t said)
{
    const bool listed = now->state != SMEAR_NONE;
    const uint8_t foreign = said != LEAP_NONE && (!listed || said != now->of) ? said : LEAP_NONE;
    const int64_t until_noon_s = now->ends_s - utc_ns / NS_PER_S;
    // From the noon on at which it begins, until a minute before the leap second.
    const bool due = listed && until_noon_s < DAY_S && until_noon_s > DAY_S / 2 + 60;
    const bool silent = due && said == LEAP_NONE;
    if (foreign != LEAP_NONE && foreign != smearing->foreign)
        log_error("the clock's source announces a leap second that %s does not have: ports with "
                  "`leap: smear` announce it, too, and do not smear it; %s",
                  smearing->path, list_mend);
    if (silent && !smearing->silent)
        log_warning("%s has a leap second at the end of this day, and the clock's source does not "
                    "announce it: if the clock does not jump then, ports with `leap: smear` say LI "
                    "3",
                    smearing->path);
    smearing->foreign = foreign;
    smearing->silent = silent;
}

static void say_smear(const struct smearing *smearing, const struct smear_now *now)
{
    const enum ntp_smear before = smearing->now.state;
    char day[16];
    day_text(now->ends_s - DAY_S, day);
    if (before == SMEAR_NONE && now->state == SMEAR_ON)
        log_info("ports with `leap: smear` smear the leap second at the end of %s, from noon to "
                 "noon",
                 day);
    if (before != SMEAR_LOST && now->state == SMEAR_LOST)
        log_error("nothing shows whether the clock has made the leap second at the end of %s: "
                  "ports with `leap: smear` say LI 3 until it is clear",
                  day);
    if (before == SMEAR_LOST && now->state == SMEAR_ON)
        log_info("the clock has made the leap second at the end of %s: it is smeared on", day);
    if (before != SMEAR_NONE && now->state == SMEAR_NONE)
        log_info("the leap second is over: ports with `leap: smear` serve UTC");
}

void smearing_write(struct smearing *smearing, int64_t utc_ns, uint8_t said, bool healthy,
                    struct ntp_state *state)
{
    state->smear_state = SMEAR_NONE;
    state->smear_of = state->smear_leap = LEAP_NONE;
    state->smear = state->smear_rate = 0;
    if (!smearing->on)
        return;
    const struct smear_now now = smear_step(&smearing->smear, &smearing->list, utc_ns, healthy);
    say_list(smearing, utc_ns);
    say_difference(smearing, &now, utc_ns, said);
    say_smear(smearing, &now);
    smearing->now = now;
    if (now.state == SMEAR_NONE)
        return;
    state->smear_state = (uint8_t)now.state;
    state->smear_of = now.of;
    state->smear_leap = healthy ? LEAP_NONE : LEAP_UNKNOWN;
    state->smear = (int64_t)llround(now.ns / NS_PER_S * 4294967296.0);
    state->smear_rate = (int64_t)llround(now.rate * (double)state->line.rate);
}
