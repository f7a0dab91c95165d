#include "supervisor/reload_take.h"

#include "base/log.h"
#include "supervisor/file_watch.h"
#include "supervisor/files.h"
#include "supervisor/reload_answer.h"

#include <string.h>

static void set_log_level(const struct reload *r)
{
    const char *level = r->held->config->log.level;
    const struct life *const others[] = {r->metrics, r->etcd};

    for (int i = 0; i < RELOAD_PARTS + 2; i++) {
        const struct life *child = i < RELOAD_PARTS ? r->part[i].life : others[i - RELOAD_PARTS];
        if (child->link < 0)
            continue; // the next process reads it from its configuration
        const int error = link_send(child->link, LINK_LOG_LEVEL, 0, level);
        if (error != 0)
            log_warning("cannot send the log's level to %s: %s", child->name, strerror(-error));
    }
    log_set_level(level);
}

bool reload_changes(const struct reload *r, const char *path)
{
    for (size_t i = 0; i < r->n_settings; i++)
        if (strcmp(r->setting[i].path, path) == 0)
            return r->setting[i].differs && r->setting[i].live != 0;
    return false;
}

// True when it changes a setting of keys.fleet.
static bool changes_fleet(const struct reload *r)
{
    for (size_t i = 0; i < r->n_settings; i++)
        if (strncmp(r->setting[i].path, "keys.fleet.", strlen("keys.fleet.")) == 0 &&
            reload_changes(r, r->setting[i].path))
            return true;
    return false;
}

// The mover by etcd reads its settings once, when it starts. It may be ended at any moment: a
// document is put in place whole, and what it was about to append another node or its successor
// does.
static void renew_mover(struct reload *r, uint64_t now_ms)
{
    if (r->held->config->keys.etcd.n_endpoints > 0)
        life_renew(r->etcd, r->held, now_ms);
    else
        life_dismiss(r->etcd);
}

void reload_take(struct reload *r, uint64_t now_ms)
{
    struct descriptors *h = r->held;

    if (r->automatic)
        log_info("control.certificates: changed files are served from now on");
    else
        reload_answer(r);
    descriptors_take_fresh(h, r->fresh, &r->listeners);
    config_swap_live(h->config, r->fresh);
    const int config_fd = h->config_fd;
    h->config_fd = r->config_fd;
    r->config_fd = config_fd;
    if (r->certificates.n > 0) {
        const struct certificates old = h->certificates;
        h->certificates = r->certificates;
        r->certificates = old;
    }
    if (reload_changes(r, "control.certificates") ||
        reload_changes(r, "control.watch_certificates"))
        file_watch_replace(file_list_make(h->config, false));
    if (reload_changes(r, "time.hook"))
        hook_replace(r->hook, h->config->time.hook, now_ms);
    else // the same text, which is freed with the old configuration
        r->hook->path = h->config->time.hook;
    if (reload_changes(r, "metrics.listen") && h->metrics_listener >= 0)
        life_renew(r->metrics, h, now_ms);
    else if (reload_changes(r, "metrics.listen"))
        life_dismiss(r->metrics);
    if (changes_fleet(r))
        renew_mover(r, now_ms);
    set_log_level(r);
}
