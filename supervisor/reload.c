// The steps of a reload: every check comes before every change.
#include "supervisor/reload.h"

#include "base/log.h"
#include "supervisor/files.h"
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
    if (r->requested)
        answer(r, r->request_id, type, text);
    drop_fresh(r);
    if (r->link >= 0)
        close(r->link);
    r->link = -1;
    r->requested = false;
    r->phase = RELOAD_NONE;
}

static void refuse(struct reload *r, const char *why)
{
    log_error("reload refused, nothing has changed: %s", why);
    end(r, LINK_REFUSED, why);
}

// The result for a setting.
enum fate { APPLIED, UNCHANGED, RESTART };

static bool has_fate(const struct reload *r, const struct config_setting *setting, enum fate fate)
{
    bool differs = setting->differs;

    if (!setting->live)
        return fate == RESTART && differs;
    // The files may have changed under the same names.
    if (strcmp(setting->path, "control.certificates") == 0)
        differs = differs || r->certificates.n > 0;
    return fate == (differs ? APPLIED : UNCHANGED);
}

// Writes one line of the answer, and one of the log. Returns the length of the whole text.
static size_t say_fate(const struct reload *r, const struct config_setting *settings, size_t n,
                       enum fate fate, char text[LINK_TEXT_MAX + 1], size_t len)
{
    static const char *const words[] = {LINK_SETTINGS_APPLIED, LINK_SETTINGS_UNCHANGED,
                                        LINK_SETTINGS_RESTART};
    static const char *const phrases[] = {"applied", "unchanged", "needs a restart"};
    char line[1024];
    size_t at = 0;

    len += (size_t)snprintf(text + len, LINK_TEXT_MAX + 1 - len, "%s", words[fate]);
    for (size_t i = 0; i < n; i++) {
        if (!has_fate(r, &settings[i], fate))
            continue;
        len += (size_t)snprintf(text + len, LINK_TEXT_MAX + 1 - len, " %s", settings[i].path);
        if (at < sizeof line)
            at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", at == 0 ? "" : ", ",
                                   settings[i].path);
    }
    len += (size_t)snprintf(text + len, LINK_TEXT_MAX + 1 - len, "\n");
    if (at > 0)
        log_info("reload: %s: %s", phrases[fate], line);
    return len;
}

static void set_log_level(const struct reload *r)
{
    const char *level = r->held->config->log.level;
    const struct life *const children[] = {r->control, r->ke, r->dataplane, r->metrics};

    for (size_t i = 0; i < sizeof children / sizeof children[0]; i++) {
        if (children[i]->link < 0)
            continue; // the next process reads it from its configuration
        const int error = link_send(children[i]->link, LINK_LOG_LEVEL, 0, level);
        if (error != 0)
            log_warning("cannot send the log's level to %s: %s", children[i]->name,
                        strerror(-error));
    }
    log_set_level(level);
}

// All checks have passed. From here on nothing can fail.
static void apply(struct reload *r)
{
    struct descriptors *h = r->held;
    struct config_setting settings[CONFIG_SETTINGS_MAX];
    char text[LINK_TEXT_MAX + 1];
    size_t len = 0;

    const size_t n = config_compare(h->config, r->fresh, settings);
    config_swap_live(h->config, r->fresh);
    const int config_fd = h->config_fd;
    h->config_fd = r->config_fd;
    r->config_fd = config_fd;
    for (enum fate fate = APPLIED; fate <= RESTART; fate++)
        len = say_fate(r, settings, n, fate, text, len);
    if (r->certificates.n > 0) {
        const struct certificates old = h->certificates;
        h->certificates = r->certificates;
        r->certificates = old;
    }
    set_log_level(r);
    end(r, LINK_APPLIED, text);
}

// Ke gets read-only descriptors of its own, and answers.
static int send_to_ke(struct reload *r)
{
    int fd[LINK_DESCRIPTORS_MAX];
    uint32_t n = 0;
    int error = 0;

    for (uint32_t i = 0; i <= r->certificates.n && error == 0; i++) {
        fd[n] = files_reopen(i == 0 ? r->config_fd : r->certificates.file[i - 1].fd);
        if (fd[n] < 0)
            error = fd[n];
        else
            n++;
    }
    if (error == 0)
        error = link_send_descriptors(r->ke->link, LINK_RELOAD, r->id, fd, n);
    while (n > 0)
        close(fd[--n]);
    return error;
}

// Makes the configuration that will be in force: settings that need a restart stay unchanged.
static int make_config(struct reload *r)
{
    config_swap_live(r->held->config, r->fresh);
    r->config_fd = files_config(r->held->config);
    config_swap_live(r->held->config, r->fresh);
    return r->config_fd < 0 ? r->config_fd : 0;
}

// True when the files have the contents and the names of the certificates that are served.
static bool certificates_unchanged(const struct reload *r)
{
    struct config_setting settings[CONFIG_SETTINGS_MAX];
    const size_t n = config_compare(r->held->config, r->fresh, settings);

    for (size_t i = 0; i < n; i++)
        if (settings[i].differs && strcmp(settings[i].path, "control.certificates") == 0)
            return false;
    return certificates_equal(&r->held->certificates, &r->certificates);
}

static void take_candidate(struct reload *r, struct link_message *message, uint64_t now_ms)
{
    struct config_error error;
    char why[256];

    // The reader, a process of our own, made the memfd and is done with it: reading it does not
    // block, and its content has been checked.
    lseek(message->fd[0], 0, SEEK_SET);
    int result = config_load_fd(message->fd[0], r->path, &r->fresh, &error);
    if (result != 0)
        snprintf(why, sizeof why, "the configuration cannot be taken over: %.200s", error.text);
    if (result == 0) {
        const uint32_t n = message->n - 1;
        result = n == 2 * r->fresh->control.n_certificates
                     ? certificates_take(message->fd + 1, n, &r->certificates)
                     : -EBADMSG;
        if (result != -EBADMSG)
            message->n = 1; // the descriptors are taken over, or closed
        snprintf(why, sizeof why, "the certificates cannot be taken over");
    }
    link_close_descriptors(message);
    if (result == 0) {
        result = make_config(r);
        snprintf(why, sizeof why, "there is no memory for it");
    }
    if (result != 0) {
        refuse(r, why);
        return;
    }
    if (certificates_unchanged(r)) {
        certificates_close(&r->certificates);
        apply(r);
        return;
    }
    if (r->ke->phase != LIFE_SERVING || r->ke->link < 0) {
        refuse(r,
               "ke, which has to take the certificates, does not serve at the moment; try again");
        return;
    }
    result = send_to_ke(r);
    if (result != 0) {
        snprintf(why, sizeof why, "ke cannot be given the certificates: %s", strerror(-result));
        refuse(r, why);
        return;
    }
    r->phase = RELOAD_APPLYING;
    r->due_ms = now_ms + RELOAD_APPLY_MS;
}

void reload_begin(struct reload *r, const uint32_t *request_id, uint64_t now_ms)
{
    const char *why = NULL;

    if (r->phase != RELOAD_NONE)
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
    r->id++;
    r->phase = RELOAD_READING;
    r->due_ms = now_ms + RELOAD_READ_MS;
    const pid_t pid = start_reader(r->held, &r->link);
    r->reader = pid > 0 ? pid : 0;
    if (pid < 0 || link_send(r->link, LINK_READ, 0, r->path) != 0)
        refuse(r, "the process that reads the files cannot be started; see the log");
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

bool reload_hear_ke(struct reload *r, const struct link_message *message)
{
    if (r->phase != RELOAD_APPLYING || message->id != r->id)
        return false;
    if (message->type == LINK_APPLIED)
        apply(r);
    else
        refuse(r, message->text);
    return true;
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
    if (child == r->control)
        r->requested = false; // the next control process has not requested it
    if (child == r->ke && r->phase == RELOAD_APPLYING)
        refuse(r, "ke ended while it took the certificates; it is started again with the old ones");
}

void reload_tick(struct reload *r, uint64_t now_ms)
{
    char why[160];

    if (now_ms < reload_due_ms(r))
        return;
    if (r->phase == RELOAD_READING) {
        kill(r->reader, SIGKILL);
        snprintf(why, sizeof why,
                 "reading the configuration took more than %d s; is one of its files on a disk "
                 "that does not answer, or no file?",
                 RELOAD_READ_MS / 1000);
    } else {
        // Ke might still take the certificates after the answer said that it had not.
        kill(r->ke->pid, SIGKILL);
        snprintf(why, sizeof why,
                 "ke did not answer within %d s; it is started again with the old certificates",
                 RELOAD_APPLY_MS / 1000);
    }
    refuse(r, why);
}

uint64_t reload_due_ms(const struct reload *r)
{
    return r->phase == RELOAD_NONE ? UINT64_MAX : r->due_ms;
}

void reload_stop(struct reload *r)
{
    if (r->reader > 0)
        kill(r->reader, SIGKILL);
    if (r->phase != RELOAD_NONE)
        end(r, LINK_REFUSED, "noonmarkd is ending");
}
