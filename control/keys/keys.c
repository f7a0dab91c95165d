// Carries out the tasks of rotation.h, with the store and the board.
#include "control/keys/keys.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "control/keys/rotation.h"
#include "control/keys/store.h"
#include "crypto/registers.h"

#include <errno.h>
#include <string.h>

#define S_NS INT64_C(1000000000)

struct keys {
    struct rotation rotation;
    struct key_set set;  // in use and published
    struct key_set next; // the following set, if rotation.next_made
    struct store *store;
    uint32_t keep;
    int err; // of the last attempt to make or write keys
    struct keys_outcome outcome;
};

void keys_publish(const struct keys *keys, struct snapshot *ring)
{
    struct keyring_record record;
    key_set_record(&keys->set, &record);
    keyring_publish(ring, &record);
    keyring_publish(ring, &record); // into the other slot too: the retired key was still there
    bytes_wipe(&record, sizeof record);
    registers_wipe();
}

static bool is_in(const struct key_set *set, uint32_t id)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (set->key[i].id == id)
            return true;
    return false;
}

// The rotation that somebody waits for is durable and put into use.
static void note_rotated(struct keys *keys)
{
    struct keys_outcome *o = &keys->outcome;
    if (o->asked != KEYS_ROTATING)
        return;
    *o = (struct keys_outcome){.asked = KEYS_ROTATED};
    for (uint32_t i = 0; i < keys->set.n; i++)
        if (!is_in(&keys->next, keys->set.key[i].id))
            o->wiped[o->n_wiped++] = keys->set.key[i].id;
}

// It was not made or not written, which is tried again.
static void note_failure(struct keys *keys)
{
    if (keys->outcome.asked == KEYS_ROTATING)
        keys->outcome = (struct keys_outcome){.asked = KEYS_NOT_ROTATED, .err = keys->err};
}

// Puts the next set into use. ring may be NULL: then no client is served any more.
static void adopt(struct keys *keys, struct snapshot *ring)
{
    keys->set = keys->next;
    bytes_wipe(&keys->next, sizeof keys->next);
    if (ring == NULL)
        return;
    keys_publish(keys, ring);
    log_info("cookie keys rotated: %08x seals now, %u keys", keys->set.key[KEY_CURRENT].id,
             keys->set.n);
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
            event = made(keys, key_set_rotate(&keys->set, keys->keep, now_ns, &keys->next));
            break;
        case ROTATION_WRITE:
            store_write(keys->store, &keys->set, now_ns);
            break;
        case ROTATION_WRITE_NEXT:
            keys->next.key[KEY_FUTURE].made_ns = now_ns;
            store_write(keys->store, &keys->next, now_ns);
            break;
        case ROTATION_ADOPT:
            note_rotated(keys);
            adopt(keys, ring);
            break;
        case ROTATION_FORCE:
            log_error("ALARM: the %s could not be written for 24 h; rotating without it. A restart "
                      "after the next rotation will not be able to open all cookies",
                      store_name(keys->store));
            keys->next.key[KEY_FUTURE].made_ns = now_ns;
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
    store_close(keys->store);
    secret_free(keys, sizeof *keys);
}

void keys_set(struct keys *keys, const struct config *config)
{
    keys->rotation.rotate_ns = config->keys.rotate_s * S_NS;
    keys->keep = config->keys.keep;
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
    int err = store_open(config->keys.file, &keys->store);
    if (err < 0)
        goto fail;

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

uint64_t keys_turn(struct keys *keys, struct snapshot *ring, uint64_t now_ns)
{
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

size_t keys_describe(const struct keys *keys, uint64_t now_ns, struct keys_line out[KEYS_LINES])
{
    for (uint32_t i = 0; i < keys->set.n; i++) {
        int64_t age_ns = (int64_t)now_ns - keys->set.key[i].made_ns;
        out[i] = (struct keys_line){
            .id = keys->set.key[i].id,
            .role = i == KEY_CURRENT  ? "current"
                    : i == KEY_FUTURE ? "future"
                                      : "old",
            .age_s = age_ns < 0 ? 0 : (uint64_t)(age_ns / S_NS),
        };
    }
    return keys->set.n;
}

void keys_schedule(const struct keys *keys, uint64_t now_ns, struct keys_schedule *schedule)
{
    const struct rotation *r = &keys->rotation;
    const int64_t left_ns = keys->set.key[KEY_FUTURE].made_ns + r->rotate_ns - (int64_t)now_ns;
    *schedule = (struct keys_schedule){
        .rotate_s = (uint32_t)(r->rotate_ns / S_NS),
        .keep = keys->keep,
        .next_s = left_ns <= 0 || r->asked ? 0 : (uint64_t)(left_ns / S_NS),
        .rotating = left_ns <= 0 || r->asked,
        .writing = r->writing != 0,
        .failing = r->failing,
    };
}

// While a next set exists it may be on the disk, and a second one would take its place.
const char *keys_ask_rotation(struct keys *keys)
{
    const struct rotation *r = &keys->rotation;
    if (r->failing)
        return "the key file could not be written when it was last tried, which the log explains; "
               "mend that first";
    if (r->asked || r->overdue || r->next_made || keys->outcome.asked == KEYS_ASKED)
        return "a rotation is under way; see noonmarkctl keys";
    if (r->writing != 0)
        return "the key file is being written; try again in a moment";
    keys->outcome = (struct keys_outcome){.asked = KEYS_ASKED};
    return NULL;
}

const struct keys_outcome *keys_outcome(const struct keys *keys)
{
    return &keys->outcome;
}

bool keys_failing(const struct keys *keys)
{
    return keys->rotation.failing;
}

void keys_close(struct keys *keys)
{
    if (keys == NULL)
        return;
    follow(keys, NULL, ROTATION_CLOSE, (int64_t)now_ns());
    free_keys(keys);
}
