// From the document to the set of keys, with the clock.
#include "control/keys/fleet.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "control/keys/fleet_step.h"
#include "crypto/registers.h"
#include "fleet/time.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define S_NS INT64_C(1000000000)
#define TURN_NS (S_NS / 4) // how soon a new document, or a clock that was set, is noticed

struct fleet {
    struct fleet_file *file;
    struct fleet_document document; // in force
    struct fleet_steps steps;
    enum fleet_end end;
    bool waits;
    bool fresh; // the set is not yet of this document
    struct key_hints_record hints;
    struct log_limit failing;
};

static int64_t utc_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * S_NS + t.tv_nsec;
}

// Both clocks at once: a step of UTC is seen by their difference.
static struct fleet_time time_now(bool synchronised)
{
    const int64_t now = (int64_t)now_ns();
    return (struct fleet_time){.utc_ns = utc_ns(), .now_ns = now, .synchronised = synchronised};
}

static void tell_end(const struct fleet *f)
{
    char until[FLEET_TIME_LEN];
    fleet_time_print(f->document.span[f->document.n_spans - 1].until_s, until, sizeof until);
    switch (f->end) {
    case FLEET_END_FAR:
        log_info("the fleet's document has keys until %s", until);
        break;
    case FLEET_END_WEEK:
        log_warning("the fleet's document has keys until %s, less than a week from now: add spans "
                    "to it",
                    until);
        break;
    case FLEET_END_DAY:
        log_error("ALARM: the fleet's document has keys until %s, less than a day from now: add "
                  "spans to it",
                  until);
        break;
    case FLEET_ENDED:
        log_error("ALARM: the fleet's document ended at %s: the last key is frozen and stays in "
                  "use; add spans to the document",
                  until);
        break;
    }
}

// Notes how much is left; tells when that has changed.
static void watch_end(struct fleet *f, int64_t utc_s, bool tell_always)
{
    const enum fleet_end end = fleet_document_end(&f->document, utc_s);
    if (end == f->end && !tell_always)
        return;
    f->end = end;
    tell_end(f);
}

// True when the set has changed.
static bool step(struct fleet *f, uint32_t keep, const struct fleet_time *time, struct key_set *set)
{
    bool failed;
    const bool changed =
        fleet_step(&f->steps, &f->document, f->fresh, keep, time, set, &failed) && !failed;
    if (changed)
        f->fresh = false;
    if (changed && !fleet_step_hints(&f->steps, &f->document, &f->hints))
        f->hints = (struct key_hints_record){0};
    if (failed)
        log_limited(&f->failing, LOG_LEVEL_ERROR,
                    "OpenSSL cannot derive the fleet's keys: the keys in use stay");
    if (changed || failed)
        registers_wipe();
    return changed;
}

int fleet_open(const struct config *config, struct fleet **out, struct key_set *set)
{
    char copy[KEY_PATH_MAX + 16];
    struct fleet *f = secret_alloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    snprintf(copy, sizeof copy, "%s.fleet", config->keys.file);
    int err = fleet_file_open(config->keys.fleet_file, copy, &f->file, &f->document);
    if (err < 0)
        goto fail;
    const struct fleet_time time = time_now(true);
    f->fresh = true;
    if (!step(f, config->keys.keep, &time, set)) {
        err = -EIO;
        goto fail;
    }
    watch_end(f, time.utc_ns / S_NS, true);
    *out = f;
    return 0;

fail:
    fleet_close(f);
    return err;
}

// The document has been replaced: tells of keys that it revokes.
static void tell_revoked(const struct fleet *f, const struct key_set *set)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (fleet_document_revokes(&f->document, set->key[i].id))
            log_warning("cookie key %08x is revoked: clients whose cookies it sealed get a NAK and "
                        "repeat NTS-KE",
                        set->key[i].id);
}

bool fleet_turn(struct fleet *f, uint32_t keep, bool synchronised, struct key_set *set,
                uint64_t *due_ns)
{
    const struct fleet_time time = time_now(synchronised);

    if (fleet_file_poll(f->file, &f->document)) {
        f->fresh = true;
        tell_revoked(f, set);
        watch_end(f, time.utc_ns / S_NS, true);
    }
    f->waits = !synchronised;
    if (synchronised)
        watch_end(f, time.utc_ns / S_NS, false);
    const bool changed = step(f, keep, &time, set);
    const int64_t due = fleet_step_due(&f->steps, &f->document);
    int64_t left_ns = due == INT64_MAX ? TURN_NS : due - time.utc_ns;
    if (left_ns < 0 || left_ns > TURN_NS)
        left_ns = TURN_NS;
    *due_ns = (uint64_t)(time.now_ns + left_ns);
    return changed;
}

const struct key_hints_record *fleet_hints(const struct fleet *f)
{
    return &f->hints;
}

bool fleet_may_follow(const struct fleet *f, const char *path, char why[FLEET_FILE_WHY_MAX])
{
    return fleet_file_try(path, &f->document, why);
}

void fleet_follow(struct fleet *f, const char *path)
{
    fleet_file_follow(f->file, path);
}

uint64_t fleet_next_s(const struct fleet *f)
{
    const int64_t due = fleet_step_due(&f->steps, &f->document);
    const int64_t now = utc_ns();
    return due == INT64_MAX || due < now ? 0 : (uint64_t)((due - now) / S_NS);
}

void fleet_describe(const struct fleet *f, struct fleet_report *report)
{
    const struct fleet_document *d = &f->document;
    *report = (struct fleet_report){
        .serial = d->serial,
        .rotate_s = d->rotate_s,
        .n_spans = d->n_spans,
        .n_revoked = d->n_revoked,
        .until_s = d->span[d->n_spans - 1].until_s,
        .end = f->end,
        .waits = f->waits,
    };
    fleet_document_fingerprint(d, report->fingerprint);
    registers_wipe();
    fleet_file_state(f->file, &report->file);
}

void fleet_close(struct fleet *f)
{
    if (f == NULL)
        return;
    fleet_file_close(f->file);
    secret_free(f, sizeof *f);
}
