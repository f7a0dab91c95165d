// Carries out the tasks of rotation.h, with the store and the board.
#include "control/keys/keys.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "control/keys/fleet.h"
#include "control/keys/keys_state.h"
#include "control/keys/rotation.h"
#include "control/keys/store.h"
#include "crypto/registers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define S_NS INT64_C(1000000000)

void keys_publish(const struct keys *keys, struct snapshot *ring)
{
    struct keyring_record record;
    key_set_record(&keys->set, &record);
    keyring_publish(ring, &record);
    keyring_publish(ring, &record); // into the other slot too: the retired key was still there
    bytes_wipe(&record, sizeof record);
    registers_wipe();
}

void keys_publish_hints(struct keys *keys, struct snapshot *hints)
{
    if (keys->fleet == NULL)
        return;
    const struct key_hints_record *record = fleet_hints(keys->fleet);
    if (memcmp(record, &keys->hints, sizeof *record) == 0)
        return;
    keys->hints = *record;
    snapshot_publish(hints, record, sizeof *record);
}

// The change that somebody waits for is durable and put into use.
static void note_rotated(struct keys *keys)
{
    struct keys_outcome *o = &keys->outcome;
    if (o->asked != KEYS_ROTATING)
        return;
    *o = (struct keys_outcome){.asked = KEYS_ROTATED};
    for (uint32_t i = 0; i < keys->set.n; i++)
        if (!key_set_has(&keys->next, keys->set.key[i].id))
            o->wiped[o->n_wiped++] = keys->set.key[i].id;
    if (keys->change.kind == CHANGE_IMPORT)
        o->n_imported = keys->next.n - keys->set.n;
}

// It was not made or not written, which is tried again.
static void note_failure(struct keys *keys)
{
    if (keys->outcome.asked == KEYS_ROTATING)
        keys->outcome = (struct keys_outcome){.asked = KEYS_NOT_ROTATED, .err = keys->err};
}

static void log_adopted(const struct keys *keys)
{
    const struct change *change = &keys->change;
    const uint32_t current = keys->set.key[KEY_CURRENT].id, n = keys->set.n;
    switch (change->kind) {
    case CHANGE_ROTATE:
        log_info("cookie keys rotated: %08x seals now, %u keys", current, n);
        break;
    case CHANGE_REVOKE:
        log_warning("cookie key %08x revoked: clients that have only its cookies repeat NTS-KE; "
                    "%08x seals now, %u keys",
                    change->id, current, n);
        break;
    case CHANGE_IMPORT:
        log_info("cookie keys imported: %08x seals now, %u keys", current, n);
        break;
    case CHANGE_REVOKE_ALL:
        log_warning("all cookie keys revoked: every client repeats NTS-KE; %08x seals now, %u keys",
                    current, n);
        break;
    }
}

// Puts the next set into use. ring may be NULL: then no client is served any more.
static void adopt(struct keys *keys, struct snapshot *ring)
{
    keys->set = keys->next;
    bytes_wipe(&keys->next, sizeof keys->next);
    if (ring != NULL) {
        keys_publish(keys, ring);
        log_adopted(keys);
    }
    bytes_wipe(&keys->change, sizeof keys->change); // the next one is a rotation
}

static int make_next(struct keys *keys, int64_t now_ns)
{
    switch (keys->change.kind) {
    case CHANGE_REVOKE:
        return key_set_revoke(&keys->set, keys->change.id, now_ns, &keys->next);
    case CHANGE_REVOKE_ALL:
        return key_set_revoke_all(&keys->set, now_ns, &keys->next);
    case CHANGE_IMPORT:
        key_set_import(&keys->set, keys->change.foreign, keys->change.n, keys->change.seal,
                       &keys->next);
        return 0;
    case CHANGE_ROTATE:
        break;
    }
    return key_set_rotate(&keys->set, keys->keep, now_ns, &keys->next);
}

// A future key's age counts from the moment in which it is given to the store. A future key that
// stays keeps its age, so that the next rotation comes when it would have come.
static void date_future_key(struct keys *keys, int64_t now_ns)
{
    struct key *future = &keys->next.key[KEY_FUTURE];
    if (!key_set_has(&keys->set, future->id))
        future->made_ns = now_ns;
}

// Turns the result of making keys into an event.
static enum rotation_event made(struct keys *keys, int err)
{
    keys->err = err;
    if (err == 0)
        return ROTATION_MADE;
    note_failure(keys);
    if (keys->rotation.phase == ROTATION_FOUNDING)
        log_error("no random octets for cookie keys: %s", strerror(-err));
    else
        log_error("no random octets for the next key of %s: %s; the current keys stay in use; "
                  "next try in 60 s",
                  store_name(keys->store), strerror(-err));
    return ROTATION_NOT_MADE;
}

// Turns the store's result into an event.
static enum rotation_event answered(struct keys *keys, int err)
{
    const char *name = store_name(keys->store);
    keys->err = err;
    if (err == 0) {
        keys->alone = false; // no write is under way when a revocation begins
        if (keys->rotation.failing)
            log_info("%s is written again", name);
        return ROTATION_WRITTEN;
    }
    note_failure(keys);
    const char *then = "";
    if (keys->rotation.phase == ROTATION_FOUNDING)
        then = "; its directory must exist and belong to the user of `control.user`";
    else if (keys->rotation.phase == ROTATION_SERVING)
        then = "; the current keys stay in use; next try in 60 s";
    log_error("cannot write %s: %s%s", name, strerror(-err), then);
    return ROTATION_NOT_WRITTEN;
}

// Carries out tasks, beginning with the event, until there is nothing to do for now.
static struct rotation_action follow(struct keys *keys, struct snapshot *ring,
                                     enum rotation_event event, int64_t now_ns)
{
    for (;;) {
        struct rotation_action action = rotation_step(&keys->rotation, &keys->set, event, now_ns);
        event = ROTATION_TIME;
        switch (action.task) {
        case ROTATION_MAKE_FIRST:
            event = made(keys, key_set_make(&keys->set, now_ns));
            break;
        case ROTATION_MAKE_NEXT:
            event = made(keys, make_next(keys, now_ns));
            break;
        case ROTATION_WRITE:
            store_write(keys->store, &keys->set, keys->alone, now_ns);
            break;
        case ROTATION_WRITE_NEXT:
            date_future_key(keys, now_ns);
            store_write(keys->store, &keys->next, keys->alone, now_ns);
            break;
        case ROTATION_ADOPT:
            note_rotated(keys);
            adopt(keys, ring);
            break;
        case ROTATION_FORCE:
            log_error("ALARM: the %s could not be written for 24 h; rotating without it. A restart "
                      "after the next rotation will not be able to open all cookies",
                      store_name(keys->store));
            date_future_key(keys, now_ns);
            adopt(keys, ring);
            break;
        case ROTATION_AWAIT:
            event = answered(keys, store_await(keys->store));
            break;
        case ROTATION_WAIT:
        case ROTATION_GIVE_UP:
        case ROTATION_END:
            return action;
        }
    }
}

static void free_keys(struct keys *keys)
{
    fleet_close(keys->fleet);
    store_close(keys->store);
    secret_free(keys, sizeof *keys);
}

void keys_set(struct keys *keys, const struct config *config)
{
    keys->rotation.rotate_ns = config->keys.rotate_s * S_NS;
    keys->keep = config->keys.keep;
    if (keys->fleet != NULL)
        fleet_follow(keys->fleet, config->keys.fleet_file);
}

bool keys_may_set(const struct keys *keys, const struct config *now, const struct config *next,
                  char why[KEYS_WHY_MAX])
{
    const char *path = next->keys.fleet_file;
    char fault[FLEET_FILE_WHY_MAX];

    if (keys->fleet == NULL || strcmp(now->keys.fleet_file, path) == 0 ||
        fleet_may_follow(keys->fleet, path, fault))
        return true;
    snprintf(why, KEYS_WHY_MAX, "%s (keys.fleet.file): %s", path, fault);
    return false;
}

int keys_open(const struct config *config, struct keys **out)
{
    static const enum rotation_event found[] = {
        [STORE_GOOD] = ROTATION_FOUND,
        [STORE_OLD] = ROTATION_FOUND_OLD,
        [STORE_NONE] = ROTATION_FOUND_NONE,
    };
    struct keys *keys = secret_alloc(sizeof *keys);
    if (keys == NULL)
        return -ENOMEM;
    keys_set(keys, config);
    keys->synchronised = true;
    const char *document = config->keys.fleet_file;
    int err = document != NULL && *document != '\0' ? fleet_open(config, &keys->fleet, &keys->set)
                                                    : store_open(config->keys.file, &keys->store);
    if (err < 0)
        goto fail;
    if (keys->fleet != NULL) {
        *out = keys;
        return 0;
    }

    int64_t now = (int64_t)now_ns();
    enum store_found read = store_read(keys->store, now, &keys->set);
    if (follow(keys, NULL, found[read], now).task == ROTATION_GIVE_UP) {
        err = keys->err;
        goto fail;
    }
    *out = keys;
    return 0;

fail:
    free_keys(keys);
    return err;
}

void keys_trust_clock(struct keys *keys, bool synchronised)
{
    keys->synchronised = synchronised;
}

static uint64_t fleets_turn(struct keys *keys, struct snapshot *ring)
{
    uint64_t due_ns;
    if (fleet_turn(keys->fleet, keys->keep, keys->synchronised, &keys->set, &due_ns)) {
        keys_publish(keys, ring);
        log_info("cookie keys rotated: %08x seals now, %u keys", keys->set.key[KEY_CURRENT].id,
                 keys->set.n);
    }
    return due_ns;
}

uint64_t keys_turn(struct keys *keys, struct snapshot *ring, uint64_t now_ns)
{
    if (keys->fleet != NULL)
        return fleets_turn(keys, ring);
    int err;
    enum rotation_event event = ROTATION_TIME;
    if (keys->rotation.writing != 0 && store_poll(keys->store, &err))
        event = answered(keys, err);
    if (keys->outcome.asked == KEYS_ASKED) {
        keys->outcome.asked = KEYS_ROTATING;
        event = ROTATION_ASKED;
    }
    return (uint64_t)follow(keys, ring, event, (int64_t)now_ns).until_ns;
}

bool keys_note_sealed(struct keys *keys, uint32_t id, uint64_t n)
{
    struct rotation *r = &keys->rotation;
    // A fleet's keys change by the clock alone.
    if (keys->fleet != NULL || id != keys->set.key[KEY_CURRENT].id || rotation_is_worn(r))
        return false;
    r->sealed = n;
    if (!rotation_is_worn(r))
        return false;
    log_warning("cookie key %08x has sealed %" PRIu64
                " cookies, as many as a key may: rotating now",
                id, n);
    return true;
}

// While a next set exists it may be on the disk, and a second one would take its place.
static const char *ask(struct keys *keys, enum change_kind kind)
{
    const struct rotation *r = &keys->rotation;
    if (keys->fleet != NULL)
        return "the keys are the fleet's, and change on all nodes by the clock; to drop a key, "
               "publish a document with `revoke ID` and a higher `serial`";
    if (r->failing)
        return "the key file could not be written when it was last tried, which the log explains; "
               "mend that first";
    if (r->asked || r->overdue || r->next_made || rotation_is_worn(r) ||
        keys->outcome.asked == KEYS_ASKED)
        return "a rotation is under way; see noonmarkctl keys";
    if (r->writing != 0)
        return "the key file is being written; try again in a moment";
    keys->change.kind = kind;
    keys->alone |= kind == CHANGE_REVOKE || kind == CHANGE_REVOKE_ALL;
    keys->outcome = (struct keys_outcome){.asked = KEYS_ASKED};
    return NULL;
}

const char *keys_ask_rotation(struct keys *keys)
{
    return ask(keys, CHANGE_ROTATE);
}

const char *keys_ask_revocation(struct keys *keys, const uint32_t *id)
{
    if (id == NULL)
        return ask(keys, CHANGE_REVOKE_ALL);
    if (!key_set_has(&keys->set, *id))
        return "no key has that id; noonmarkctl keys shows the ids";
    const char *why = ask(keys, CHANGE_REVOKE);
    if (why == NULL)
        keys->change.id = *id;
    return why;
}

const char *keys_ask_import(struct keys *keys, const struct keys_foreign *foreign, uint32_t n,
                            bool seal)
{
    uint32_t ids[KEYS_LINES];
    for (uint32_t i = 0; i < n; i++)
        ids[i] = foreign[i].id;
    if (keys->set.n == KEY_SET_MAX)
        return "there is no room beside the keys in use; lower keys.keep, and rotate once or wait";
    if (key_set_news(&keys->set, ids, n) == 0 || (seal && key_set_news(&keys->set, ids, 1) == 0))
        return "these keys are here already";
    const char *why = ask(keys, CHANGE_IMPORT);
    if (why != NULL)
        return why;
    keys->change.seal = seal;
    keys->change.n = n;
    for (uint32_t i = 0; i < n; i++) {
        struct key *key = &keys->change.foreign[i];
        *key = (struct key){.id = ids[i], .foreign_ad = 1, .made_ns = (int64_t)now_ns()};
        memcpy(key->secret, foreign[i].secret, COOKIE_KEY_LEN);
    }
    registers_wipe();
    return NULL;
}

void keys_close(struct keys *keys)
{
    if (keys == NULL)
        return;
    if (keys->fleet == NULL)
        follow(keys, NULL, ROTATION_CLOSE, (int64_t)now_ns());
    free_keys(keys);
}
