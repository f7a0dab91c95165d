#include "perf/ke/ke_outcome.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

const struct ke_outcome_text ke_outcome_text[KE_OUTCOME_COUNT] = {
    [KE_OUTCOME_GRANTED] = {"granted", "keys and cookies granted"},
    [KE_OUTCOME_LEFT] = {"aborted", "left on purpose"},
    [KE_OUTCOME_CUT] = {"cut", "slow client cut by the server"},
    [KE_OUTCOME_HELD] = {"held", "slow client never cut"},
    [KE_OUTCOME_REFUSED] = {"refused", "connection refused"},
    [KE_OUTCOME_UNREACHABLE] = {"unreachable", "network error"},
    [KE_OUTCOME_TIMED_OUT] = {"timed_out", "not done by the deadline"},
    [KE_OUTCOME_CLOSED_EARLY] = {"closed_early", "connection ended before the response was whole"},
    [KE_OUTCOME_TLS] = {"tls", "TLS failed"},
    [KE_OUTCOME_CERTIFICATE] = {"certificate", "certificate not accepted"},
    [KE_OUTCOME_ALPN] = {"alpn", "the server does not speak ntske/1"},
    [KE_OUTCOME_ERROR_RECORD] = {"error_record", "the server answered with an error"},
    [KE_OUTCOME_NO_COMMON] = {"no_common", "no protocol or AEAD in common"},
    [KE_OUTCOME_MALFORMED] = {"malformed", "malformed response"},
    [KE_OUTCOME_OWN_LIMIT] = {"own_limit", "this machine had no port, descriptor or memory left"},
};

static void certificate_text(const struct ke_report *report, char *out, size_t room)
{
    const char *advice = "give its issuer with --ca FILE";
    if (report->verify == X509_V_ERR_HOSTNAME_MISMATCH ||
        report->verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
        advice = "give a name that is in its certificate with --name";
    else if (report->verify == X509_V_ERR_CERT_HAS_EXPIRED ||
             report->verify == X509_V_ERR_CERT_NOT_YET_VALID)
        advice = "check its dates and this machine's clock";
    snprintf(out, room, "certificate verify failed (%s); %s",
             X509_verify_cert_error_string(report->verify), advice);
}

// The step in which a session ended.
static const char *place(const struct ke_report *report)
{
    if (report->times.connected_ns == 0)
        return "before TCP was connected";
    return report->times.handshake_ns == 0 ? "in the TLS handshake" : "before its response";
}

static void timed_out_text(const struct ke_report *report, char *out, size_t room)
{
    const char *advice = "does a firewall block TCP to that port?";
    if (report->times.handshake_ns != 0)
        advice = "does that port serve NTS-KE?";
    else if (report->times.connected_ns != 0)
        advice = "it may be overloaded, or does not speak TLS there";
    double s = (double)(report->times.ended_ns - report->times.began_ns) / 1e9;
    snprintf(out, room, "timed out after %.1f s %s; %s", s, place(report), advice);
}

static void tls_text(const struct ke_report *report, char *out, size_t room)
{
    const char *reason = report->tls ? ERR_reason_error_string(report->tls) : NULL;
    if (report->error)
        reason = strerror(report->error);
    snprintf(out, room, "TLS failed (%s); does the server support TLS 1.3 and ntske/1?",
             reason ? reason : "no reason given");
}

static void response_text(const struct ke_report *report, char *out, size_t room)
{
    switch (report->fault) {
    case KE_FAULT_ERROR:
        snprintf(out, room, "answered with Error %u (%s)", report->code,
                 ke_error_text(report->code));
        break;
    case KE_FAULT_WARNING:
    case KE_FAULT_CRITICAL:
    case KE_FAULT_FOREIGN_AEAD:
        snprintf(out, room, "its response has %s (%u)", ke_fault_text[report->fault], report->code);
        break;
    default:
        snprintf(out, room, "its response has %s", ke_fault_text[report->fault]);
    }
}

void ke_report_text(const struct ke_report *report, const struct ke_target *target, char text[512])
{
    char who[KE_SERVER_MAX + 10], what[240] = "";
    ke_target_text(target, who);
    switch (report->outcome) {
    case KE_OUTCOME_REFUSED:
        snprintf(what, sizeof what, "connection refused; is NTS-KE served there?");
        break;
    case KE_OUTCOME_UNREACHABLE:
        snprintf(what, sizeof what, "%s", strerror(report->error));
        break;
    case KE_OUTCOME_TIMED_OUT:
        timed_out_text(report, what, sizeof what);
        break;
    case KE_OUTCOME_CLOSED_EARLY:
        snprintf(what, sizeof what, "the server ended the connection %s; it may be at its limit",
                 place(report));
        break;
    case KE_OUTCOME_TLS:
        tls_text(report, what, sizeof what);
        break;
    case KE_OUTCOME_CERTIFICATE:
        certificate_text(report, what, sizeof what);
        break;
    case KE_OUTCOME_ERROR_RECORD:
    case KE_OUTCOME_NO_COMMON:
    case KE_OUTCOME_MALFORMED:
        response_text(report, what, sizeof what);
        break;
    case KE_OUTCOME_OWN_LIMIT:
        snprintf(what, sizeof what, "this machine cannot make a connection: %s; raise its limit",
                 strerror(report->error));
        break;
    default:
        snprintf(what, sizeof what, "%s", ke_outcome_text[report->outcome].help);
    }
    snprintf(text, 512, "%s: %s", who, what);
}
