// The listeners of a new configuration, beside those of the old one until a reload is decided.
#include "supervisor/descriptors.h"

#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool same(const struct config_listen *a, const struct config_listen *b)
{
    return strcmp(a->text, b->text) == 0;
}

// A wildcard address and another one with its port cannot listen at the same time, not even for the
// moment of the reload.
static bool is_in_the_way(const struct config *config, const struct config_listen *at)
{
    for (uint32_t i = 0; i <= config->control.n_listen; i++) {
        const struct config_listen *other =
            i < config->control.n_listen ? &config->control.listen[i] : &config->metrics.listen;
        if (other->len == 0 || !config_overlap(&other->address, &at->address))
            continue;
        log_error("TCP address %s (%s) overlaps %s, at which this server listens until the reload "
                  "is done; restart noonmarkd, or reload twice, with another port in between",
                  at->text, at->key, other->text);
        return true;
    }
    return false;
}

static int open_metrics(const struct descriptors *h, const struct config_listen *at)
{
    if (h->metrics_program < 0) {
        log_error("%s needs noonmark-metrics, which was not there when this server started; "
                  "install it and restart noonmarkd",
                  at->key);
        return -ENOENT;
    }
    return is_in_the_way(h->config, at) ? -EADDRINUSE : listener_open(at, 0);
}

// The mover by etcd has no listener, but a program.
static int look_for_etcd(const struct descriptors *h, const struct config *config)
{
    if (config->keys.etcd.n_endpoints == 0 || h->etcd_program >= 0)
        return 0;
    log_error("keys.fleet.etcd needs noonmark-etcd, which was not there when this server started; "
              "install it and restart noonmarkd");
    return -ENOENT;
}

int descriptors_open_fresh(const struct descriptors *h, const struct config *config,
                           struct fresh_listeners *fresh)
{
    int error = look_for_etcd(h, config);

    descriptors_close_fresh(fresh);
    for (uint32_t i = 0; i < config->control.n_listen && error == 0; i++) {
        const struct config_listen *at = &config->control.listen[i];
        if (config_listen_place(h->config, at) >= 0)
            continue;
        fresh->ke[i] = is_in_the_way(h->config, at) ? -EADDRINUSE : listener_open(at, 0);
        if (fresh->ke[i] < 0)
            error = fresh->ke[i];
    }
    const struct config_listen *metrics = &config->metrics.listen;
    if (error == 0 && metrics->len != 0 && !same(metrics, &h->config->metrics.listen)) {
        fresh->metrics = open_metrics(h, metrics);
        error = fresh->metrics < 0 ? fresh->metrics : 0;
    }
    if (error != 0)
        descriptors_close_fresh(fresh);
    return error;
}

static void close_old(const struct descriptors *h, uint32_t i)
{
    if (h->given[i])
        log_warning(
            "the service manager still listens at %s, where nobody answers any more; remove it "
            "from the socket unit and restart that",
            h->config->control.listen[i].text);
    close(h->listener[i]);
}

void descriptors_take_fresh(struct descriptors *h, const struct config *config,
                            struct fresh_listeners *fresh)
{
    int now[CONFIG_LISTEN_MAX];
    bool given[CONFIG_LISTEN_MAX] = {false};

    for (uint32_t i = 0; i < CONFIG_LISTEN_MAX; i++) {
        now[i] = fresh->ke[i];
        fresh->ke[i] = -1;
        const int place = i < config->control.n_listen
                              ? config_listen_place(h->config, &config->control.listen[i])
                              : -1;
        if (place < 0)
            continue;
        now[i] = h->listener[place];
        given[i] = h->given[place];
        h->listener[place] = -1;
    }
    h->sockets_changed++;
    // Ke still has them, and accepts who waits in them.
    for (uint32_t i = 0; i < CONFIG_LISTEN_MAX; i++)
        if (h->listener[i] >= 0)
            close_old(h, i);
    memcpy(h->listener, now, sizeof now);
    memcpy(h->given, given, sizeof given);
    if (same(&config->metrics.listen, &h->config->metrics.listen))
        return;
    if (h->metrics_listener >= 0)
        close(h->metrics_listener);
    h->metrics_listener = fresh->metrics;
    fresh->metrics = -1;
}

void descriptors_close_fresh(struct fresh_listeners *fresh)
{
    for (uint32_t i = 0; i < CONFIG_LISTEN_MAX; i++) {
        if (fresh->ke[i] > 0) // 0 only in a zeroed struct: standard input is no listener
            close(fresh->ke[i]);
        fresh->ke[i] = -1;
    }
    if (fresh->metrics > 0)
        close(fresh->metrics);
    fresh->metrics = -1;
}
