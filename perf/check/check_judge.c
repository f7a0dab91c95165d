// What a result means. The thresholds that are not options are those at which clients refuse a
// server.
#include "perf/check/check.h"

#include "dataplane/wire/ntp.h"
#include "perf/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// ntpd refuses a server whose root distance is larger (RFC 5905, MAXDIST), chronyd one above 3 s.
enum { ROOT_DISTANCE_MAX_MS = 1500, COOKIES_OF_SESSION = 8 };

const char *const check_reply_names[] = {
    [CHECK_REPLY_NONE] = "silence",      [CHECK_REPLY_TIME] = "time",
    [CHECK_REPLY_NAK] = "nak",           [CHECK_REPLY_KISS] = "kiss",
    [CHECK_REPLY_WRONG] = "wrong",       [CHECK_REPLY_REFUSED] = "refused",
    [CHECK_REPLY_NOT_SENT] = "not_sent", [CHECK_REPLY_SKIPPED] = "skipped",
};

__attribute__((format(printf, 3, 4))) static void
find(struct check_findings *findings, enum check_level level, const char *format, ...)
{
    if (findings->n == CHECK_FINDINGS_MAX)
        return;
    // The worst first; of two alike, the one found first.
    unsigned at = findings->n++;
    for (; at > 0 && findings->finding[at - 1].level < level; at--)
        findings->finding[at] = findings->finding[at - 1];
    findings->finding[at].level = level;
    va_list list;
    va_start(list, format);
    vsnprintf(findings->finding[at].text, CHECK_TEXT_MAX, format, list);
    va_end(list);
    // In the output of a Nagios plugin a bar begins the performance data.
    for (char *c = findings->finding[at].text; *c != '\0'; c++)
        *c = *c == '|' ? '/' : *c;
}

const struct check_exchange *check_best(const struct check_ntp *ntp)
{
    const struct check_exchange *best = NULL;
    for (unsigned i = 0; i < CHECK_EXCHANGES; i++) {
        const struct check_exchange *e = &ntp->exchange[i];
        if (e->reply == CHECK_REPLY_TIME && (!best || e->delay_ns < best->delay_ns))
            best = e;
    }
    return best;
}

static void judge_ke(const struct check_plan *plan, const struct check_ke *ke,
                     struct check_findings *f)
{
    if (!ke->granted) {
        find(f, ke->unknown ? CHECK_UNKNOWN : CHECK_CRITICAL, "NTS-KE failed: %s", ke->fault);
        return;
    }
    if (ke->days < plan->warning_days)
        find(f, ke->days < plan->critical_days ? CHECK_CRITICAL : CHECK_WARNING,
             "the certificate of %s expires in %.1f days; renew it", ke->subject, ke->days);
    // RFC 8915, section 4.1.6: a server SHOULD send eight.
    if (ke->n_cookies != COOKIES_OF_SESSION)
        find(f, CHECK_WARNING, "NTS-KE gave %u cookies instead of 8", ke->n_cookies);
}

// No exchange brought a time: the first reply tells why.
static void judge_silence(const struct check_ntp *ntp, struct check_findings *f)
{
    const struct check_exchange *e = &ntp->exchange[0];
    bool plain = ntp->plain.reply == CHECK_REPLY_TIME;
    switch (e->reply) {
    case CHECK_REPLY_NAK:
        find(f, CHECK_CRITICAL,
             "the NTP server answers its own new cookies with a NAK; do NTS-KE and %s share their "
             "cookie keys?",
             ntp->address);
        break;
    case CHECK_REPLY_KISS:
        find(f, CHECK_CRITICAL, "the NTP server refuses this client: %s", e->why);
        break;
    case CHECK_REPLY_WRONG:
        find(f, CHECK_CRITICAL, "a reply is wrong: %s", e->why);
        break;
    case CHECK_REPLY_REFUSED:
        find(f, CHECK_CRITICAL, "no process listens on UDP port %u of %s", ntp->port, ntp->address);
        break;
    case CHECK_REPLY_NOT_SENT:
        find(f, CHECK_CRITICAL, "cannot send to %s: %s", ntp->address, e->why);
        break;
    default:
        find(f, CHECK_CRITICAL, "no reply to NTS requests from %s port %u; %s", ntp->address,
             ntp->port,
             plain ? "a plain request was answered, so a firewall may drop NTP packets that are "
                     "longer than 48 octets"
                   : "does a firewall block UDP to that port?");
    }
}

static void judge_exchanges(const struct check_ntp *ntp, struct check_findings *f)
{
    unsigned lost = 0;
    const struct check_exchange *wrong = NULL, *fewer = NULL;
    for (unsigned i = 0; i < CHECK_EXCHANGES; i++) {
        const struct check_exchange *e = &ntp->exchange[i];
        bool time = e->reply == CHECK_REPLY_TIME;
        lost += e->reply == CHECK_REPLY_NONE;
        if (!time && e->reply != CHECK_REPLY_NONE && e->reply != CHECK_REPLY_SKIPPED && !wrong)
            wrong = e;
        if (time && e->n_cookies < e->asked && !fewer)
            fewer = e;
    }
    if (wrong)
        find(f, CHECK_CRITICAL, "an NTS request was answered with %s%s%s",
             check_reply_names[wrong->reply], wrong->why[0] ? ": " : "", wrong->why);
    if (lost > 0)
        find(f, CHECK_WARNING, "%u of %d NTS requests had no reply", lost, CHECK_EXCHANGES);
    if (fewer)
        find(f, CHECK_WARNING, "%u cookies were asked for and %u came", fewer->asked,
             fewer->n_cookies);
}

static void judge_time(const struct check_plan *plan, const struct check_exchange *best,
                       struct check_findings *f)
{
    char t[2][WORDS_LEN];
    if (best->leap == NTP_LEAP_UNKNOWN || best->stratum == 0) {
        find(f, CHECK_CRITICAL,
             "the server is not synchronised (leap %u, stratum %u); does it reach its own sources?",
             best->leap, best->stratum);
        return;
    }
    // RFC 5905, section 11.1, without the part that the path to this host adds.
    int64_t distance = best->root_delay_ns / 2 + best->root_dispersion_ns;
    if (distance > ROOT_DISTANCE_MAX_MS * INT64_C(1000000))
        find(f, CHECK_WARNING, "the root distance is %s: clients refuse a server above %s",
             words_of_ns((double)distance, t[0]), words_of_ns(ROOT_DISTANCE_MAX_MS * 1e6, t[1]));
    if (plan->max_offset_ns > 0 && (uint64_t)llabs(best->offset_ns) > plan->max_offset_ns)
        find(f, CHECK_CRITICAL, "the offset is %s, more than %s; which of the two clocks is wrong?",
             words_of_ns((double)best->offset_ns, t[0]),
             words_of_ns((double)plan->max_offset_ns, t[1]));
}

// RFC 8915, section 5.7: a server that cannot decrypt a cookie SHOULD send a NAK. Silence is
// permitted, and told, but it must not send a time.
static void judge_spoiled(const struct check_exchange *spoiled, struct check_findings *f)
{
    if (spoiled->reply == CHECK_REPLY_TIME)
        find(f, CHECK_CRITICAL, "a request with a spoiled cookie was answered with a time");
    else if (spoiled->reply == CHECK_REPLY_WRONG)
        find(f, CHECK_WARNING, "the reply to a spoiled cookie is wrong: %s", spoiled->why);
}

enum check_level check_judge(const struct check_plan *plan, const struct check_result *result,
                             struct check_findings *findings)
{
    const struct check_ntp *ntp = &result->ntp;
    const struct check_exchange *best = check_best(ntp);
    *findings = (struct check_findings){0};
    judge_ke(plan, &result->ke, findings);
    if (ntp->fault[0] != '\0')
        find(findings, CHECK_CRITICAL, "%s", ntp->fault);
    else if (result->ke.granted && !best)
        judge_silence(ntp, findings);
    else if (result->ke.granted)
        judge_exchanges(ntp, findings);
    if (best) {
        judge_time(plan, best, findings);
        judge_spoiled(&ntp->spoiled, findings);
    }
    return findings->n == 0 ? CHECK_OK : findings->finding[0].level;
}
