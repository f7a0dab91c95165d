#include "perf/check/check_ke.h"

#include "perf/ke/ke_steps.h"
#include "perf/ke/ke_trust.h"
#include "perf/target.h"

#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { KE_TIMEOUT_MS = 5000 };

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return 0;
    return timegm(&parts);
}

// The common name of a certificate, or the whole subject when it has none.
static void name_of(const X509 *certificate, char *text, size_t room)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (X509_NAME_get_text_by_NID(subject, NID_commonName, text, (int)room) < 0)
        X509_NAME_oneline(subject, text, (int)room);
    for (char *c = text; *c != '\0'; c++) // it is the server's text
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

// A client verifies every certificate of the chain, so the first that expires ends its validity.
static void describe_chain(SSL *tls, struct check_ke *ke)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(tls);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *certificate = sk_X509_value(chain, i);
        int64_t end = seconds_of(X509_get0_notAfter(certificate));
        if (i > 0 && end >= ke->expires_s)
            continue;
        ke->expires_s = end;
        name_of(certificate, ke->subject, sizeof ke->subject);
    }
    ke->days = (double)(ke->expires_s - (int64_t)time(NULL)) / 86400;
}

static void describe(SSL *tls, const struct ke_grant *grant, struct check_ke *ke)
{
    ke->granted = true;
    snprintf(ke->tls, sizeof ke->tls, "%s", SSL_get_version(tls));
    describe_chain(tls, ke);
    ke->aead = grant->aead->id;
    ke->aead_name = grant->aead->name;
    ke->n_cookies = grant->n_cookies;
    ke->cookie_len = grant->cookie_len;
    snprintf(ke->ntp_server, sizeof ke->ntp_server, "%s", grant->server);
    ke->ntp_port = grant->port;
}

// Runs the steps until the outcome is known.
static void run(struct ke_session *s, SSL_CTX *context, const struct ke_target *target,
                struct ke_grant *grant)
{
    s->report.times.began_ns = ke_now_ns();
    uint64_t end = s->report.times.began_ns + target->deadline_ns;
    enum ke_progress progress = ke_steps_begin(s, context, target, NULL);
    while (progress == KE_PROGRESS_WAITING) {
        uint64_t now = ke_now_ns();
        // A TCP connection in progress becomes writable; all later steps wait for the server.
        struct pollfd fd = {.fd = s->fd,
                            .events = s->step == KE_STEP_CONNECTING ? POLLOUT : POLLIN};
        if (now >= end) {
            ke_session_decide(s, KE_OUTCOME_TIMED_OUT);
            return;
        }
        if (poll(&fd, 1, (int)((end - now) / 1000000) + 1) > 0)
            progress = ke_steps_turn(s, grant);
    }
}

void check_ke(const struct check_plan *plan, struct check_ke *ke, struct ke_grant *grant,
              struct sockaddr_storage *address)
{
    char why[256];
    SSL_CTX *context;
    struct ke_target target = {.ca = plan->ca, .deadline_ns = plan->timeout_ns};
    if (target.deadline_ns == 0)
        target.deadline_ns = KE_TIMEOUT_MS * UINT64_C(1000000);
    ke->port = plan->ke_port;
    if (target_resolve(plan->host, plan->family, plan->ke_port, address, why) != 0) {
        ke->outcome = "unresolved";
        snprintf(ke->fault, sizeof ke->fault, "%s", why);
        return;
    }
    target_text(address, ke->address);
    target.address = *address;
    snprintf(target.server, sizeof target.server, "%s", plan->name ? plan->name : plan->host);
    if (ke_trust_open(&target, &context, why) != 0) {
        ke->unknown = true;
        ke->outcome = "own_limit";
        snprintf(ke->fault, sizeof ke->fault, "%s", why);
        return;
    }
    static struct ke_session session; // large
    run(&session, context, &target, grant);
    const struct ke_report *report = &session.report;
    ke->outcome = ke_outcome_text[report->outcome].name;
    if (report->outcome == KE_OUTCOME_GRANTED) {
        describe(session.tls, grant, ke);
        ke->took_ns = report->times.answered_ns - report->times.began_ns;
    } else {
        ke->unknown = report->outcome == KE_OUTCOME_OWN_LIMIT;
        ke_report_text(report, &target, ke->fault);
    }
    ke_session_end(&session);
    SSL_CTX_free(context);
}
