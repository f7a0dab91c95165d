#include "perf/check/check.h"

#include "base/bytes.h"
#include "perf/check/check_ke.h"
#include "perf/check/check_ntp.h"
#include "perf/check/check_options.h"
#include "perf/check/check_write.h"
#include "perf/target.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

// The NTP server is the NTS-KE server, unless a Server record names another (RFC 8915,
// section 4.1.7). False with a fault when that one cannot be resolved.
static bool find_ntp(const struct check_plan *plan, const struct check_ke *ke,
                     struct sockaddr_storage *address, struct check_ntp *ntp)
{
    char why[256];
    if (ke->granted && ke->ntp_server[0] != '\0' &&
        target_resolve(ke->ntp_server, plan->family, 123, address, why) != 0) {
        snprintf(ntp->fault, sizeof ntp->fault, "the NTP server that NTS-KE names: %s", why);
        return false;
    }
    target_set_port(address, ke->granted ? ke->ntp_port : 123);
    return true;
}

static void run(const struct check_plan *plan, struct check_result *result)
{
    struct ke_grant grant;
    struct sockaddr_storage address;
    for (unsigned i = 0; i < CHECK_EXCHANGES; i++)
        result->ntp.exchange[i].reply = CHECK_REPLY_SKIPPED;
    result->ntp.spoiled.reply = result->ntp.plain.reply = CHECK_REPLY_SKIPPED;
    check_ke(plan, &result->ke, &grant, &address);
    bool granted = result->ke.granted;
    // A host without NTS may still serve plain NTP, which is worth telling.
    if (result->ke.address[0] != '\0' && find_ntp(plan, &result->ke, &address, &result->ntp))
        check_ntp(plan, granted ? &grant : NULL, &address, &result->ntp);
    if (granted)
        bytes_wipe(&grant, sizeof grant);
}

int command_check(int argc, char **argv)
{
    static const struct rlimit none;
    struct check_plan plan;
    struct check_result result = {0};
    struct check_findings findings;
    int status = check_options_read(&plan, argc, argv);
    if (status != CHECK_GO)
        return status;
    setrlimit(RLIMIT_CORE, &none); // session keys must not get into a core dump
    signal(SIGPIPE, SIG_IGN);
    run(&plan, &result);
    enum check_level level = check_judge(&plan, &result, &findings);
    (plan.json ? check_write_json : check_write_text)(&plan, &result, &findings, stdout);
    if (fflush(stdout) != 0 || ferror(stdout))
        return CHECK_UNKNOWN;
    return (int)level;
}
