// The steps of a reload: every check comes before every change.
#include "supervisor/reload.h"

#include "base/log.h"
#include "supervisor/file_watch.h"
#include "supervisor/files.h"
#include "supervisor/reload_answer.h"
#include "supervisor/reload_parts.h"
#include "supervisor/reload_take.h"
#include "supervisor/start.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Frees the new configuration and certificates, or the old ones after an exchange.
static void drop_fresh(struct reload *r)
{
    config_free(r->fresh);
    r->fresh = NULL;
    certificates_close(&r->certificates);
    descriptors_close_fresh(&r->listeners);
    if (r->config_fd >= 0)
        close(r->config_fd);
    r->config_fd = -1;
}

// Sends the answer to control's request. If that fails, the result is only in the log.
static void answer(const struct reload *r, uint32_t id, enum link_type type, const char *text)
{
    const int error =
        r->control->link >= 0 ? link_send(r->control->link, type, id, text) : -ENOTCONN;
    if (error != 0)
        log_warning("reload: cannot send the answer to control: %s", strerror(-error));
}

static void end(struct reload *r, enum link_type type, const char *text)
{
    if (r->automatic)
        renewal_end(r->renewal, type == LINK_APPLIED ? RENEWAL_DONE : RENEWAL_REFUSED, text);
    else if (r->requested)
        answer(r, r->request_id, type, text);
    drop_fresh(r);
    if (r->link >= 0)
        close(r->link);
    r->link = -1;
    r->requested &= r->waits;
    r->automatic = false;
    r->phase = RELOAD_NONE;
}

static void refuse(struct reload *r, const char *why)
{
    reload_parts_cancel(r);
    if (!r->automatic)
        log_error("reload refused, nothing has changed: %s", why);
    end(r, LINK_REFUSED, why);
}

static void end_if_taken(struct reload *r)
{
    if (!reload_parts_any(r, PART_COMMITS))
        end(r, LINK_APPLIED, r->answer);
}

// All children have agreed.
static void decide(struct reload *r, uint64_t now_ms)
{
    reload_take(r, now_ms);
    reload_parts_commit(r);
    r->phase = RELOAD_COMMITTING;
    r->due_ms = now_ms + RELOAD_APPLY_MS;
    end_if_taken(r);
}

// Makes the configuration that will be in force: settings that need a restart stay unchanged, so it
// is another one than the operator's, and must be right by itself. 0, or -errno with the reason.
static int make_config(struct reload *r, char *why, size_t len)
{
    struct config *made;
    struct config_error error;

    snprintf(why, len, "there is no memory for it");
    config_swap_live(r->held->config, r->fresh);
    r->config_fd = files_config(r->held->config);
    config_swap_live(r->held->config, r->fresh);
    const int fd = r->config_fd < 0 ? r->config_fd : files_reopen(r->config_fd);
    if (fd < 0)
        return fd;
    const int result = config_load_fd(fd, "with what needs a restart as it is", &made, &error);
    close(fd);
    if (result == 0)
        config_free(made);
    else
        snprintf(why, len, "%s", error.text);
    return result == 0 ? 0 : -EINVAL;
}

// Opens what is new of the addresses, while the old ones are served. 0, or -errno with the reason.
static int open_listeners(struct reload *r, char *why, size_t len)
{
    char reason[400] = "";

    log_divert(reason, sizeof reason);
    const int result = descriptors_open_fresh(r->held, r->fresh, &r->listeners);
    log_divert(NULL, 0);
    if (result != 0)
        snprintf(why, len, "%s: %s", r->path, reason);
    return result;
}

// Takes the reader's configuration and certificates over; the latter only if the files have other
// contents or names than those that are served. 0, or -errno with the reason.
static int take_over(struct reload *r, struct link_message *message, char *why, size_t len)
{
    struct config_error error;

    // The reader, a process of our own, made the memfd and is done with it: reading it does not
    // block, and its content has been checked.
    lseek(message->fd[0], 0, SEEK_SET);
    if (config_load_fd(message->fd[0], r->path, &r->fresh, &error) != 0) {
        snprintf(why, len, "the configuration cannot be taken over: %.200s", error.text);
        return -EINVAL;
    }
    if (r->fresh->role != r->held->config->role) {
        snprintf(why, len, "%s: `role` is another one, for which noonmarkd must be restarted",
                 r->path);
        return -EINVAL;
    }
    r->n_settings = config_compare(r->held->config, r->fresh, r->setting);
    const uint32_t n = message->n - 1;
    int result = n == config_secret_files(r->fresh)
                     ? certificates_take(message->fd + 1, n, &r->certificates)
                     : -EBADMSG;
    if (result != -EBADMSG)
        message->n = 1; // the descriptors are taken over, or closed
    if (result != 0) {
        snprintf(why, len, "the certificates cannot be taken over");
        return result;
    }
    if (!reload_changes(r, "control.certificates") && !reload_changes(r, "control.names") &&
        certificates_equal(&r->held->certificates, &r->certificates))
        certificates_close(&r->certificates);
    result = make_config(r, why, len);
    return result == 0 ? open_listeners(r, why, len) : result;
}

static void take_candidate(struct reload *r, struct link_message *message, uint64_t now_ms)
{
    char why[512];

    int result = take_over(r, message, why, sizeof why);
    link_close_descriptors(message);
    if (result == 0)
        result = reload_parts_ask(r, why, sizeof why);
    if (result != 0) {
        refuse(r, why);
        return;
    }
    if (r->automatic && r->certificates.n == 0) {
        end(r, LINK_APPLIED, ""); // they are what is served
        return;
    }
    r->phase = RELOAD_PREPARING;
    r->due_ms = now_ms + RELOAD_APPLY_MS;
    if (!reload_parts_any(r, PART_ASKED))
        decide(r, now_ms);
}

static void start(struct reload *r, enum link_type type, const char *path, uint64_t now_ms)
{
    r->id++;
    r->phase = RELOAD_READING;
    r->due_ms = now_ms + RELOAD_READ_MS;
    const pid_t pid = start_reader(r->held, &r->link);
    r->reader = pid > 0 ? pid : 0;
    if (pid < 0 || link_send(r->link, type, 0, path) != 0)
        refuse(r, "the process that reads the files cannot be started; see the log");
}

void reload_begin_files(struct reload *r, uint64_t now_ms)
{
    if (r->phase != RELOAD_NONE || r->reader > 0) {
        renewal_end(r->renewal, RENEWAL_BUSY, "");
        return;
    }
    r->automatic = true;
    start(r, LINK_READ_FILES, NULL, now_ms);
}

void reload_begin(struct reload *r, const uint32_t *request_id, uint64_t now_ms)
{
    const char *why = NULL;

    if (r->automatic && !r->waits)
        r->waits = true;
    else if (r->phase != RELOAD_NONE || r->waits)
        why = "a reload is under way; try again when it has ended";
    else if (r->reader > 0)
        why = "an earlier reload still waits for its files; is a disk not answering?";
    if (why != NULL) {
        log_error("reload refused, nothing has changed: %s", why);
        if (request_id != NULL)
            answer(r, *request_id, LINK_REFUSED, why);
        return;
    }
    r->requested = request_id != NULL;
    r->request_id = r->requested ? *request_id : 0;
    if (!r->waits)
        start(r, LINK_READ, r->path, now_ms);
}

// The one that has waited for the end of an automatic one.
static void begin_waiting(struct reload *r, uint64_t now_ms)
{
    const uint32_t id = r->request_id;
    const bool requested = r->requested;

    r->waits = r->requested = false;
    reload_begin(r, requested ? &id : NULL, now_ms);
}

void reload_hear_reader(struct reload *r, uint64_t now_ms)
{
    struct link_message message;

    const int result = link_receive(r->link, LINK_DESCRIPTORS_MAX, &message);
    if (result == -EAGAIN)
        return;
    r->reader = 0; // it has answered, and ends by itself
    if (result == 1 && message.type == LINK_CANDIDATE) {
        close(r->link);
        r->link = -1;
        take_candidate(r, &message, now_ms);
        return;
    }
    refuse(r, result == 1 && message.type == LINK_REFUSED
                  ? message.text
                  : "the process that reads the files has failed; see the log");
}

bool reload_hear_child(struct reload *r, const struct life *child,
                       const struct link_message *message, uint64_t now_ms)
{
    struct reload_part *part = reload_part_of(r, child);

    if (part == NULL)
        return false;
    const bool prepares = part->state == PART_ASKED && message->id == r->id;
    if (!prepares && part->late > 0 && message->type != LINK_APPLIED && message->id != 0 &&
        (message->id != r->id || r->phase == RELOAD_NONE)) {
        part->late--; // of a reload that was refused before it had answered
        return true;
    }
    if (message->type == LINK_ACCEPTED && prepares) {
        part->state = PART_PREPARED;
        if (!reload_parts_any(r, PART_ASKED))
            decide(r, now_ms);
        return true;
    }
    if (message->type == LINK_REFUSED && prepares) {
        part->state = PART_NONE;
        refuse(r, message->text);
        return true;
    }
    if (message->type == LINK_APPLIED && part->state == PART_COMMITS && message->id == r->id) {
        part->state = PART_NONE;
        end_if_taken(r);
        return true;
    }
    return false;
}

bool reload_ended(struct reload *r, pid_t pid)
{
    if (pid != r->reader)
        return false;
    r->reader = 0; // its answer, if there is one, is in the link
    return true;
}

void reload_child_ended(struct reload *r, const struct life *child)
{
    struct reload_part *part = reload_part_of(r, child);
    char why[128];

    if (child == r->control)
        r->requested = false; // the next control process has not requested it
    if (part == NULL)
        return;
    const bool had_part = part->state != PART_NONE;
    part->state = PART_NONE;
    part->late = 0;
    if (had_part && r->phase == RELOAD_PREPARING) {
        snprintf(why, sizeof why,
                 "%s ended while it prepared to take it; it is started again with the old one",
                 child->name);
        refuse(r, why);
    } else if (had_part && r->phase == RELOAD_COMMITTING) {
        end_if_taken(r); // the next one is started with the new configuration
    }
}

void reload_tick(struct reload *r, uint64_t now_ms)
{
    char why[160];

    if (now_ms < reload_due_ms(r))
        return;
    if (r->phase == RELOAD_NONE) {
        begin_waiting(r, now_ms);
        return;
    }
    if (r->phase == RELOAD_COMMITTING) {
        reload_parts_kill_silent(r, PART_COMMITS);
        end_if_taken(r); // the next ones are started with the new configuration
        return;
    }
    if (r->phase == RELOAD_READING) {
        kill(r->reader, SIGKILL);
        snprintf(why, sizeof why,
                 "reading the configuration took more than %d s; is one of its files on a disk "
                 "that does not answer, or no file?",
                 RELOAD_READ_MS / 1000);
    } else {
        snprintf(why, sizeof why,
                 "%s did not answer within %d s; it is started again with the old configuration",
                 reload_parts_kill_silent(r, PART_ASKED), RELOAD_APPLY_MS / 1000);
    }
    refuse(r, why);
}

uint64_t reload_due_ms(const struct reload *r)
{
    if (r->phase == RELOAD_NONE)
        return r->waits ? 0 : UINT64_MAX;
    return r->due_ms;
}

void reload_stop(struct reload *r)
{
    if (r->reader > 0)
        kill(r->reader, SIGKILL);
    r->automatic = false; // a request that has waited for its end is answered
    if (r->phase != RELOAD_NONE)
        end(r, LINK_REFUSED, "noonmarkd is ending");
}
