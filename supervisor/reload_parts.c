#include "supervisor/reload_parts.h"

#include "base/log.h"
#include "supervisor/files.h"
#include "supervisor/start.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct reload_part *reload_part_of(struct reload *r, const struct life *child)
{
    for (int i = 0; i < RELOAD_PARTS; i++)
        if (r->part[i].life == child)
            return &r->part[i];
    return NULL;
}

bool reload_parts_any(const struct reload *r, enum reload_part_state state)
{
    for (int i = 0; i < RELOAD_PARTS; i++)
        if (r->part[i].state == state)
            return true;
    return false;
}

// The processes that must take a setting, as a set of enum config_live.
static unsigned concerned(const struct reload *r)
{
    unsigned takes = r->certificates.n > 0 ? LIVE_KE : 0; // also when only the files differ

    for (size_t i = 0; i < r->n_settings; i++)
        if (r->setting[i].differs)
            takes |= r->setting[i].live;
    return takes;
}

// The child gets read-only descriptors of files of its own, and answers.
static int send_to(const struct reload *r, const struct reload_part *part)
{
    int fd[LINK_DESCRIPTORS_MAX];
    uint32_t n = 0;
    int error = 0;
    const uint32_t files = part->takes == LIVE_KE ? r->certificates.n : 0;

    for (uint32_t i = 0; i <= files && error == 0; i++) {
        fd[n] = files_reopen(i == 0 ? r->config_fd : r->certificates.file[i - 1].fd);
        if (fd[n] < 0)
            error = fd[n];
        else
            n++;
    }
    uint32_t n_ours = n;
    if (part->takes == LIVE_KE &&
        r->fresh->control.max_connections > r->held->config->control.max_connections)
        start_raise_ke(part->life->pid, r->fresh);
    for (uint32_t i = 0; part->takes == LIVE_KE && i < CONFIG_LISTEN_MAX; i++)
        if (r->listeners.ke[i] >= 0)
            fd[n++] = r->listeners.ke[i];
    if (error == 0)
        error = link_send_descriptors(part->life->link, LINK_RELOAD, r->id, fd, n);
    while (n_ours > 0)
        close(fd[--n_ours]);
    return error;
}

int reload_parts_ask(struct reload *r, char *why, size_t len)
{
    const unsigned takes = concerned(r);
    int error = 0;

    for (int i = 0; i < RELOAD_PARTS && error == 0; i++) {
        struct reload_part *part = &r->part[i];
        const struct life *life = part->life;
        if ((takes & part->takes) == 0 || part->absent)
            continue;
        if (life->phase != LIFE_SERVING || life->link < 0) {
            snprintf(why, len,
                     "%s, which has to take a part of it, does not serve at the moment; try again",
                     life->name);
            error = -EAGAIN;
        } else if ((error = send_to(r, part)) != 0) {
            snprintf(why, len, "%s cannot be given the configuration: %s", life->name,
                     strerror(-error));
        } else {
            part->state = PART_ASKED;
        }
    }
    if (error != 0)
        reload_parts_cancel(r);
    return error;
}

void reload_parts_cancel(struct reload *r)
{
    for (int i = 0; i < RELOAD_PARTS; i++) {
        struct reload_part *part = &r->part[i];
        if (part->state == PART_NONE)
            continue;
        // If it cannot be told, it forgets what it has prepared when the next reload comes.
        if (part->life->link >= 0) {
            link_send(part->life->link, LINK_CANCEL, r->id, NULL);
            part->late += part->state == PART_ASKED;
        }
        part->state = PART_NONE;
    }
}

void reload_parts_commit(struct reload *r)
{
    for (int i = 0; i < RELOAD_PARTS; i++) {
        struct reload_part *part = &r->part[i];
        if (part->state != PART_PREPARED)
            continue;
        const int error = link_send(part->life->link, LINK_COMMIT, r->id, NULL);
        part->state = error == 0 ? PART_COMMITS : PART_NONE;
        if (error == 0)
            continue;
        log_error("%s (pid %d) cannot be told to take the reload: %s; it is started again with it",
                  part->life->name, (int)part->life->pid, strerror(-error));
        kill(part->life->pid, SIGKILL);
    }
}

const char *reload_parts_kill_silent(struct reload *r, enum reload_part_state state)
{
    const char *name = "";

    for (int i = 0; i < RELOAD_PARTS; i++) {
        if (r->part[i].state != state)
            continue;
        name = r->part[i].life->name;
        log_error("%s (pid %d) did not answer to a reload within %d s: killed", name,
                  (int)r->part[i].life->pid, RELOAD_APPLY_MS / 1000);
        kill(r->part[i].life->pid, SIGKILL);
        r->part[i].state = PART_NONE;
    }
    return name;
}
