// The thread that looks at the file.
#include "control/keys/fleet_file.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "control/keys/fleet_read.h"
#include "crypto/registers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 500, RETRY_S = 60, PATH_LEN = KEY_PATH_MAX + 16 };

struct fleet_file {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; // signalled when end or now changes; on CLOCK_MONOTONIC
    // Protected by the lock.
    bool end;
    bool now;              // look at once, and read
    char follow[PATH_LEN]; // then the file to look at
    bool offered;          // `taken` has a document that the main loop has not seen
    struct fleet_document taken;
    struct fleet_file_state state;
    // Of the thread alone, and of fleet_file_open before there is one.
    struct fleet_look seen; // when it was last read
    struct fleet_look last; // at the last look
    struct fleet_document force;
    struct fleet_document read;
    char text[FLEET_TEXT_MAX];
    size_t len;
    char held[FLEET_TEXT_MAX]; // of the document in force, for COPY
    size_t held_len;
    bool copy_due;
    struct timespec copy_at; // not before
    char path[PATH_LEN], copy[PATH_LEN];
};

// Contents, whatever is behind the used elements.
static bool same_document(const struct fleet_document *a, const struct fleet_document *b)
{
    return memcmp(a, b, sizeof *a) == 0; // parsing clears what is unused
}

// May the document that was read follow the one in force?
static bool may_follow(const struct fleet_document *read, const struct fleet_document *in_force,
                       char why[FLEET_FILE_WHY_MAX])
{
    const unsigned long long serial = read->serial, force = in_force->serial;
    if (serial > force || same_document(read, in_force))
        return true;
    if (serial < force)
        snprintf(why, FLEET_FILE_WHY_MAX,
                 "its serial number is %llu, but %llu is in force, and no document may go back; "
                 "publish these contents with `serial %llu`",
                 serial, force, force + 1);
    else
        snprintf(why, FLEET_FILE_WHY_MAX,
                 "its serial number is %llu, which is in force with other contents; raise it with "
                 "each change",
                 serial);
    return false;
}

// Reads the file. True when it has a new document, which is then in force.
static bool read_file(struct fleet_file *f, char why[FLEET_FILE_WHY_MAX])
{
    if (!fleet_read(f->path, true, f->text, &f->len, &f->read, why, FLEET_FILE_WHY_MAX) ||
        !may_follow(&f->read, &f->force, why))
        return false;
    why[0] = '\0';
    if (same_document(&f->read, &f->force))
        return false;
    f->force = f->read;
    memcpy(f->held, f->text, f->len);
    f->held_len = f->len;
    f->copy_due = true;
    f->copy_at = (struct timespec){0};
    return true;
}

static void wipe_read(struct fleet_file *f)
{
    bytes_wipe(&f->read, sizeof f->read);
    bytes_wipe(f->text, sizeof f->text);
    registers_wipe();
}

static void note(struct fleet_file *f, bool taken, const char *why)
{
    char fingerprint[FLEET_FINGERPRINT_LEN];
    const bool refused = *why != '\0';

    pthread_mutex_lock(&f->lock);
    const bool again = refused && f->state.refused && strcmp(f->state.why, why) == 0;
    f->state.n_taken += taken;
    f->state.n_refused += refused && !again;
    f->state.refused = refused;
    snprintf(f->state.why, sizeof f->state.why, "%s", why);
    f->offered |= taken;
    if (taken)
        f->taken = f->force;
    pthread_mutex_unlock(&f->lock);
    if (taken) {
        fleet_document_fingerprint(&f->force, fingerprint);
        log_info("the fleet's document %s is in force: serial %llu, fingerprint %s, %u spans",
                 f->path, (unsigned long long)f->force.serial, fingerprint, f->force.n_spans);
    }
    if (refused && !again)
        log_error("ALARM: the fleet's document %s is refused, and that with serial %llu stays in "
                  "force: %s",
                  f->path, (unsigned long long)f->force.serial, why);
}

// A file that may still change is read once more when it has settled: it could change without
// another time of change, which moves in steps.
static void read_and_note(struct fleet_file *f, bool settled)
{
    char why[FLEET_FILE_WHY_MAX] = "";
    f->seen = f->last;
    if (!settled)
        f->seen.size = -1;
    const bool taken = read_file(f, why);
    note(f, taken, why);
    wipe_read(f);
}

static void write_copy(struct fleet_file *f)
{
    const int err = fleet_write(f->copy, f->held, f->held_len);
    f->copy_due = err != 0;
    if (err != 0) {
        clock_gettime(CLOCK_MONOTONIC, &f->copy_at);
        f->copy_at.tv_sec += RETRY_S;
        log_error("cannot write %s, the copy of the fleet's document: %s; it is in use all the "
                  "same, but a restart needs the document's own file; next try in %d s",
                  f->copy, strerror(-err), RETRY_S);
    }
    pthread_mutex_lock(&f->lock);
    f->state.copy_failing = err != 0;
    pthread_mutex_unlock(&f->lock);
}

static bool is_past(const struct timespec *at)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec >= at->tv_sec;
}

// A file that is being written changes from look to look.
static void look(struct fleet_file *f, bool at_once)
{
    struct fleet_look look;
    fleet_look(f->path, &look);
    const bool settled = fleet_look_equal(&look, &f->last);
    f->last = look;
    if (at_once || (settled && !fleet_look_equal(&look, &f->seen)))
        read_and_note(f, settled);
    if (f->copy_due && is_past(&f->copy_at))
        write_copy(f);
}

// Waits for the next look. False: the thread is to end. *at_once: the main loop wants a read.
static bool wait(struct fleet_file *f, bool *at_once)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&f->lock);
    while (!f->end && !f->now && pthread_cond_timedwait(&f->moved, &f->lock, &until) != ETIMEDOUT)
        continue;
    const bool goes_on = !f->end;
    *at_once = f->now;
    if (f->now)
        memcpy(f->path, f->follow, sizeof f->path);
    f->now = false;
    pthread_mutex_unlock(&f->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct fleet_file *f = arg;
    for (bool at_once = false; wait(f, &at_once);)
        look(f, at_once);
    return NULL;
}

// Reads COPY, which is this user's own, into `force`.
static bool read_copy(struct fleet_file *f)
{
    char why[FLEET_FILE_WHY_MAX];
    struct fleet_look there;
    fleet_look(f->copy, &there);
    const bool good = fleet_read(f->copy, false, f->held, &f->held_len, &f->force, why, sizeof why);
    if (!good && there.err != -ENOENT)
        log_error("%s, the copy of the fleet's document, is refused: %s", f->copy, why);
    return good;
}

// 0, or -errno: neither the file nor the copy is good.
static int read_first(struct fleet_file *f)
{
    char why[FLEET_FILE_WHY_MAX] = "";
    const bool copied = read_copy(f);

    fleet_look(f->path, &f->last);
    f->seen.size = -1;
    const bool fresh = read_file(f, why);
    if (!fresh && !copied) {
        log_error("%s: %s; there is no copy of an earlier document either, so there are no cookie "
                  "keys: put the fleet's document there (keys.fleet.file)",
                  f->path, why);
        return -ENOKEY;
    }
    note(f, true, why);
    f->offered = false;
    f->state.n_taken = fresh;
    if (f->copy_due)
        write_copy(f);
    wipe_read(f);
    return 0;
}

static int start(struct fleet_file *f, struct fleet_document *document)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    int err = read_first(f);
    if (err < 0)
        return err;
    *document = f->force;
    // The main loop handles signals; a thread inherits the mask of the thread that makes it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = -pthread_create(&f->thread, NULL, run, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

int fleet_file_open(const char *path, const char *copy, struct fleet_file **file,
                    struct fleet_document *document)
{
    struct fleet_file *f = secret_alloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    int err = 0;
    if (snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path ||
        snprintf(f->copy, sizeof f->copy, "%s", copy) >= (int)sizeof f->copy)
        err = -ENAMETOOLONG;
    if (err == 0)
        err = start(f, document);
    if (err < 0) {
        secret_free(f, sizeof *f);
        return err;
    }
    *file = f;
    return 0;
}

bool fleet_file_poll(struct fleet_file *f, struct fleet_document *document)
{
    pthread_mutex_lock(&f->lock);
    const bool offered = f->offered;
    if (offered) {
        *document = f->taken;
        bytes_wipe(&f->taken, sizeof f->taken);
    }
    f->offered = false;
    pthread_mutex_unlock(&f->lock);
    return offered;
}

bool fleet_file_try(const char *path, const struct fleet_document *force,
                    char why[FLEET_FILE_WHY_MAX])
{
    struct attempt {
        struct fleet_document read;
        char text[FLEET_TEXT_MAX];
    };
    size_t len;
    struct attempt *a = secret_alloc(sizeof *a);
    if (a == NULL) {
        snprintf(why, FLEET_FILE_WHY_MAX, "no memory");
        return false;
    }
    const bool good = fleet_read(path, true, a->text, &len, &a->read, why, FLEET_FILE_WHY_MAX) &&
                      may_follow(&a->read, force, why);
    secret_free(a, sizeof *a);
    registers_wipe();
    return good;
}

void fleet_file_follow(struct fleet_file *f, const char *path)
{
    pthread_mutex_lock(&f->lock);
    f->now = snprintf(f->follow, sizeof f->follow, "%s", path) < (int)sizeof f->follow;
    pthread_cond_broadcast(&f->moved);
    pthread_mutex_unlock(&f->lock);
}

void fleet_file_state(struct fleet_file *f, struct fleet_file_state *state)
{
    pthread_mutex_lock(&f->lock);
    *state = f->state;
    pthread_mutex_unlock(&f->lock);
}

void fleet_file_close(struct fleet_file *f)
{
    if (f == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    f->end = true;
    pthread_cond_broadcast(&f->moved);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->moved);
    pthread_mutex_destroy(&f->lock);
    secret_free(f, sizeof *f);
}
