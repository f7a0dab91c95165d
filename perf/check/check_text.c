#include "perf/check/check_write.h"

#include "base/printable.h"
#include "perf/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

const char *const check_level_names[] = {[CHECK_OK] = "OK",
                                         [CHECK_WARNING] = "WARNING",
                                         [CHECK_CRITICAL] = "CRITICAL",
                                         [CHECK_UNKNOWN] = "UNKNOWN"};

__attribute__((format(printf, 3, 4))) static void line(FILE *out, const char *name,
                                                       const char *format, ...)
{
    va_list list;
    fprintf(out, "%-16s", name);
    va_start(list, format);
    vfprintf(out, format, list);
    va_end(list);
    fputc('\n', out);
}

static const char *date_of(int64_t s, char text[WORDS_LEN])
{
    struct tm parts;
    time_t at = (time_t)s;
    if (!gmtime_r(&at, &parts) || strftime(text, WORDS_LEN, "%Y-%m-%d", &parts) == 0)
        snprintf(text, WORDS_LEN, "?");
    return text;
}

static void write_ke(const struct check_ke *ke, FILE *out)
{
    char t[WORDS_LEN];
    if (!ke->granted) {
        line(out, "NTS-KE", "failed: %s", ke->fault);
        return;
    }
    line(out, "NTS-KE",
         "%s port %u: %s, ALPN ntske/1, certificate verified, %s to the first cookie", ke->address,
         ke->port, ke->tls, words_of_ns((double)ke->took_ns, t));
    line(out, "certificate", "%s is the first to expire, in %.1f days (%s)", ke->subject, ke->days,
         date_of(ke->expires_s, t));
    line(out, "AEAD", "%u (%s), of those offered: %u", ke->aead, ke->aead_name, ke->aead);
    line(out, "cookies", "%u of %u octets", ke->n_cookies, ke->cookie_len);
    line(out, "NTP server", "%s port %u%s",
         ke->ntp_server[0] ? ke->ntp_server : "the NTS-KE server", ke->ntp_port,
         ke->ntp_server[0] ? ", by a Server record" : "");
}

static void write_exchange(const struct check_plan *plan, unsigned number,
                           const struct check_exchange *e, FILE *out)
{
    char name[16], t[3][WORDS_LEN];
    snprintf(name, sizeof name, "exchange %u", number);
    if (e->reply == CHECK_REPLY_SKIPPED)
        return;
    if (e->reply != CHECK_REPLY_TIME) {
        line(out, name, "%s%s%s", check_reply_names[e->reply], e->why[0] ? ": " : "", e->why);
        return;
    }
    line(out, name,
         "authenticated; %u of %u cookies; %u octets for %u; residence %s, delay %s, offset %s",
         e->n_cookies, e->asked, e->reply_len, e->request_len,
         words_of_ns((double)e->residence_ns, t[0]), words_of_ns((double)e->delay_ns, t[1]),
         words_of_ns((double)e->offset_ns, t[2]));
    if (plan->asks_id)
        line(out, "instance", "%s", e->id[0] != '\0' ? e->id : "it tells no instance id");
}

// RFC 5905, section 7.3: letters at stratum 1, else an address or a hash of one.
static void write_time(const struct check_exchange *e, FILE *out)
{
    static const char *const leaps[] = {"none", "one second more at the end of the day",
                                        "one second less at the end of the day",
                                        "not synchronised"};
    char id[16], t[2][WORDS_LEN];
    const uint32_t r = e->reference_id;
    if (e->stratum <= 1) {
        snprintf(id, sizeof id, "%c%c%c%c", (int)(r >> 24), (int)(r >> 16 & 255),
                 (int)(r >> 8 & 255), (int)(r & 255));
        printable(id, strlen(id));
    } else {
        snprintf(id, sizeof id, "%u.%u.%u.%u", r >> 24, r >> 16 & 255, r >> 8 & 255, r & 255);
    }
    line(out, "time", "stratum %u, reference id %s, leap: %s, root delay %s, root dispersion %s",
         e->stratum, id, leaps[e->leap], words_of_ns((double)e->root_delay_ns, t[0]),
         words_of_ns((double)e->root_dispersion_ns, t[1]));
}

static void write_other(const char *name, const struct check_exchange *e, FILE *out)
{
    static const char *const texts[] = {
        [CHECK_REPLY_NONE] = "not answered",
        [CHECK_REPLY_TIME] = "answered with a time",
        [CHECK_REPLY_NAK] = "answered with a NAK, as RFC 8915 says",
        [CHECK_REPLY_KISS] = "answered with a kiss code",
        [CHECK_REPLY_WRONG] = "answered wrongly",
        [CHECK_REPLY_REFUSED] = "refused: no process listens there",
        [CHECK_REPLY_NOT_SENT] = "not sent",
    };
    if (e->reply != CHECK_REPLY_SKIPPED)
        line(out, name, "%s%s%s", texts[e->reply], e->why[0] ? ": " : "", e->why);
}

// https://nagios-plugins.org/doc/guidelines.html: 'label'=value[unit];[warn];[crit]
static void write_performance(const struct check_plan *plan, const struct check_result *result,
                              FILE *out)
{
    const struct check_exchange *best = check_best(&result->ntp);
    if (!result->ke.granted)
        return;
    fprintf(out, " | certificate_days=%.2f;%u:;%u: ke_s=%.6fs", result->ke.days, plan->warning_days,
            plan->critical_days, (double)result->ke.took_ns / 1e9);
    if (best)
        fprintf(out, " offset_s=%.9fs delay_s=%.9fs residence_s=%.9fs stratum=%u",
                (double)best->offset_ns / 1e9, (double)best->delay_ns / 1e9,
                (double)best->residence_ns / 1e9, best->stratum);
}

static void write_verdict(const struct check_plan *plan, const struct check_result *result,
                          const struct check_findings *findings, FILE *out)
{
    char t[WORDS_LEN];
    const struct check_exchange *best = check_best(&result->ntp);
    enum check_level level = findings->n > 0 ? findings->finding[0].level : CHECK_OK;
    fprintf(out, "%s: %s: ", check_level_names[level], plan->host);
    for (unsigned i = 0; i < findings->n; i++)
        fprintf(out, "%s%s", i > 0 ? "; also: " : "", findings->finding[i].text);
    if (findings->n == 0 && best)
        fprintf(out, "NTS is served, stratum %u, offset %s, certificate good for %.0f days",
                best->stratum, words_of_ns((double)best->offset_ns, t), result->ke.days);
    if (plan->quiet)
        write_performance(plan, result, out);
    fputc('\n', out);
}

void check_write_text(const struct check_plan *plan, const struct check_result *result,
                      const struct check_findings *findings, FILE *out)
{
    const struct check_exchange *best = check_best(&result->ntp);
    if (!plan->quiet) {
        write_ke(&result->ke, out);
        for (unsigned i = 0; i < CHECK_EXCHANGES; i++)
            write_exchange(plan, i + 1, &result->ntp.exchange[i], out);
        if (best)
            write_time(best, out);
        write_other("spoiled cookie", &result->ntp.spoiled, out);
        write_other("plain NTP", &result->ntp.plain, out);
    }
    write_verdict(plan, result, findings, out);
}
