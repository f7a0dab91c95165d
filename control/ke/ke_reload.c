#include "control/ke/ke_reload.h"

#include "base/log.h"
#include "control/ke/ke_certificates.h"
#include "control/ke/ke_limit.h"
#include "control/ke/ke_terms.h"
#include "link/handover.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The kept listener of an address; -1: it has none.
static int kept(const struct ke_reload *r, const struct config_listen *at)
{
    const int place = config_listen_place(r->config, at);
    return place < 0 ? -1 : r->listener[place];
}

// Those at the end of the message are of the new addresses. Their number; more than the message has
// are not assigned.
static uint32_t assign_listeners(struct ke_reload *r, const struct link_message *message)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < CONFIG_LISTEN_MAX; i++)
        r->fresh_listener[i] = -1;
    for (uint32_t i = 0; i < r->fresh->control.n_listen; i++) {
        r->fresh_listener[i] = kept(r, &r->fresh->control.listen[i]);
        n += r->fresh_listener[i] < 0;
    }
    if (message->n < 1 + n)
        return n;
    for (uint32_t i = 0, next = message->n - n; i < r->fresh->control.n_listen; i++)
        if (r->fresh_listener[i] < 0)
            r->fresh_listener[i] = message->fd[next++];
    return n;
}

// Checks the new certificates, all of them, their dates too.
static int prepare_pairs(struct ke_reload *r, const int *fd, char *why, size_t len)
{
    struct tls_pair pairs[CONFIG_CERTIFICATES_MAX];

    memset(r->shown, 0, sizeof r->shown);
    const uint32_t n = ke_certificates_name(r->fresh, fd, r->shown, pairs);
    const struct tls_names names = ke_certificates_names(r->fresh);
    log_divert(why, len);
    const int result = tls_prepare(pairs, n, &names, &r->context);
    log_divert(NULL, 0);
    return result;
}

static void cancel(void *self)
{
    struct ke_reload *r = self;
    for (uint32_t i = 0; r->fresh != NULL && i < r->fresh->control.n_listen; i++)
        if (kept(r, &r->fresh->control.listen[i]) < 0 && r->fresh_listener[i] >= 0)
            close(r->fresh_listener[i]);
    SSL_CTX_free(r->context);
    free(r->terms);
    ke_lists_free(&r->fresh_lists);
    ke_tokens_free(r->fresh_tokens);
    config_free(r->fresh);
    r->context = NULL;
    r->terms = NULL;
    r->fresh_tokens = NULL;
    r->fresh = NULL;
}

// The numbers of descriptors say what has come: certificates all or none.
static int prepare_all(struct ke_reload *r, struct link_message *message, char *why, size_t len)
{
    const uint32_t n_listeners = assign_listeners(r, message);
    const uint32_t n_files = message->n - 1 - n_listeners;
    const struct config *fresh = r->fresh;

    if (message->n < 1 + n_listeners || (n_files != 0 && n_files != config_secret_files(fresh))) {
        snprintf(why, len,
                 "the certificates or listeners are not those of the configuration; please report "
                 "this");
        return -EBADMSG;
    }
    r->has_files = n_files > 0;
    if (n_files > 0) {
        int result = prepare_pairs(r, message->fd + 1, why, len);
        if (result == 0 && fresh->control.pool.tokens[0] != '\0')
            result = ke_tokens_read(message->fd[n_files], fresh->control.pool.tokens,
                                    &r->fresh_tokens, why, len);
        if (result < 0)
            return result;
    }
    if (ke_lists_make(fresh, &r->fresh_lists) != 0)
        return -ENOMEM;
    r->terms = ke_terms_make(
        &(struct ke_setup){.ntp_server = fresh->control.ntp_server,
                           .udp_port = config_ntp_port(fresh),
                           .deadline_ms = fresh->control.deadline_ms,
                           .max_connections = ke_limit_fit(fresh->control.max_connections),
                           .listeners = r->fresh_listener,
                           .n_listeners = fresh->control.n_listen,
                           .sources = r->fresh_lists.sources,
                           .balancers = r->fresh_lists.balancers,
                           .shares = ke_shares_of(fresh),
                           .tokens = r->has_files ? r->fresh_tokens : r->tokens,
                           .kept_most = fresh->control.pool.max_connections,
                           .idle_ms = fresh->control.pool.idle_ms});
    return r->terms == NULL ? -ENOMEM : 0;
}

static int prepare(void *self, struct link_message *message, char *why, size_t len)
{
    struct ke_reload *r = self;
    struct config_error error;

    if (config_load_fd(message->fd[0], "configuration", &r->fresh, &error) < 0) {
        snprintf(why, len, "%s", error.text);
        return -EINVAL;
    }
    const int result = prepare_all(r, message, why, len);
    for (uint32_t i = 0; i < r->fresh->control.n_listen; i++)
        for (uint32_t j = 1; j < message->n; j++)
            if (r->fresh_listener[i] == message->fd[j])
                message->fd[j] = -1; // cancel() closes it
    if (result < 0)
        cancel(r);
    return result;
}

static void commit(void *self)
{
    struct ke_reload *r = self;
    struct ke_terms *terms = r->terms;
    const uint32_t n = r->config->control.n_listen;
    bool goes[CONFIG_LISTEN_MAX];

    for (uint32_t i = 0; i < n; i++)
        goes[i] = !ke_terms_have(terms, r->listener[i]);
    r->terms = NULL;
    ke_change(r->ke, terms);
    const struct ke_lists old_lists = r->lists;
    r->lists = r->fresh_lists;
    r->fresh_lists = old_lists; // freed with what is left
    if (r->has_files) {
        struct ke_tokens *old_tokens = r->tokens;
        r->tokens = r->fresh_tokens;
        r->fresh_tokens = old_tokens;
    }
    for (uint32_t i = 0; i < n; i++)
        if (goes[i])
            close(r->listener[i]); // the last one: the supervisor has closed its own
    memcpy(r->listener, r->fresh_listener, sizeof r->listener);
    for (uint32_t i = 0; i < CONFIG_LISTEN_MAX; i++)
        r->fresh_listener[i] = -1;
    config_swap_live(r->config, r->fresh);
    if (r->context != NULL) {
        tls_replace(r->tls, r->context);
        r->context = NULL;
        ke_certificates_show(r->board, r->config, r->shown);
    }
    cancel(r); // what is left is the old values
}

void ke_reload_open(struct ke_reload *reload, const struct ke_reload *given)
{
    *reload = *given;
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++) {
        reload->listener[i] = HANDOVER_FIRST_LISTENER + i;
        reload->fresh_listener[i] = -1;
    }
    reload->child = (struct child_reload){
        .prepare = prepare, .commit = commit, .cancel = cancel, .self = reload};
}

void ke_reload_close(struct ke_reload *reload)
{
    child_reload_close(&reload->child);
    ke_lists_free(&reload->lists);
    ke_tokens_free(reload->tokens);
}
