// When keys rotate, and what happens when the disk is in the way.
#include "control/keys/keys.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "control/keys/key_writer.h"

#include <errno.h>
#include <string.h>

#define S_NS INT64_C(1000000000)
#define RETRY_NS (60 * S_NS)
#define POSTPONE_NS (24 * 3600 * S_NS) // faults, F12: then the rotation is forced
#define BUSY_NS (S_NS / 100)           // how soon to look again while the writer works
enum { AGE_WRITES = 8 };               // how often in a rotation the ages are stored

struct keys {
    struct key_set set;  // in use and published
    struct key_set next; // what follows, if next_made; in use once it is durable
    struct key_writer *writer;
    struct key_file_moment moment; // the boot; now_ns is filled in for each write
    int64_t rotate_ns;
    uint32_t keep;
    uint64_t writing; // generation of the set that the writer has; 0: it is idle
    bool next_made;
    bool unsaved;          // the file does not hold `set`
    bool failing;          // the last write failed
    int64_t try_ns;        // not before
    int64_t postponed_ns;  // when the rotation that is due was first due here; 0: it is not
    int64_t ages_saved_ns; // when the file last got the ages
    char path[KEY_FILE_PATH_MAX];
};

// Fills in keys->set. 0, or -errno after logging.
static int load(struct keys *keys)
{
    switch (key_file_read(keys->path, &keys->moment, &keys->set)) {
    case KEY_FILE_PREVIOUS:
        key_file_set_aside(keys->path);
        keys->unsaved = true;
        return 0;
    case KEY_FILE_GOOD:
        return 0;
    case KEY_FILE_NONE:
        log_info("no key file yet: making %s", keys->path);
        break;
    case KEY_FILE_BAD:
        key_file_set_aside(keys->path);
        log_warning("NO USABLE KEY FILE: making new cookie keys; all cookies out there are worth "
                    "nothing, and every client will have to ask NTS-KE again");
        break;
    }

    int err = key_set_make(&keys->set, keys->moment.now_ns);
    if (err < 0)
        log_error("no random octets for cookie keys: %s", strerror(-err));
    else if ((err = key_file_write(keys->path, &keys->moment, &keys->set)) < 0)
        log_error("cannot write key file %s: %s; its directory must exist and belong to the user "
                  "of `control.user`",
                  keys->path, strerror(-err));
    return err;
}

int keys_open(const struct config *config, struct keys **out)
{
    struct keys *keys = secret_alloc(sizeof *keys);
    if (keys == NULL)
        return -ENOMEM;
    int err = 0;
    if (strlen(config->keys.file) >= sizeof keys->path)
        err = -ENAMETOOLONG;
    else
        strcpy(keys->path, config->keys.file);
    keys->rotate_ns = config->keys.rotate_s * S_NS;
    keys->keep = config->keys.keep;

    if (err == 0)
        err = key_file_moment_now(&keys->moment);
    if (err == 0)
        err = load(keys);
    if (err == 0)
        err = key_writer_open(keys->path, &keys->writer);
    if (err < 0) {
        secret_free(keys, sizeof *keys);
        return err;
    }
    keys->ages_saved_ns = keys->moment.now_ns;
    *out = keys;
    return 0;
}

void keys_publish(const struct keys *keys, struct snapshot *ring)
{
    struct keyring_record record;
    key_set_record(&keys->set, &record);
    keyring_publish(ring, &record);
    keyring_publish(ring, &record); // into the other slot too: the retired key lay there still
    bytes_wipe(&record, sizeof record);
}

// The next set comes into use.
static void adopt(struct keys *keys, struct snapshot *ring)
{
    keys->set = keys->next;
    bytes_wipe(&keys->next, sizeof keys->next);
    keys->next_made = false;
    keys->postponed_ns = 0;
    keys_publish(keys, ring);
    log_info("cookie keys rotated: %08x seals now, %u keys", keys->set.key[KEY_CURRENT].id,
             keys->set.n);
}

static void failed(struct keys *keys, const char *what, int err, int64_t now_ns)
{
    log_error("%s %s: %s; going on with the keys in hand, trying again in 60 s", what, keys->path,
              strerror(-err));
    keys->failing = true;
    keys->try_ns = now_ns + RETRY_NS;
}

static void written(struct keys *keys, struct snapshot *ring, int err, int64_t now_ns)
{
    uint64_t generation = keys->writing;
    keys->writing = 0;
    if (err < 0) {
        failed(keys, "cannot write key file", err, now_ns);
        return;
    }
    if (keys->failing)
        log_info("key file %s is written again", keys->path);
    keys->failing = false;
    keys->ages_saved_ns = now_ns;
    if (keys->next_made && generation == keys->next.generation)
        adopt(keys, ring);
    // A write that hung for a day may be of the set before the one that was forced.
    keys->unsaved = generation != keys->set.generation;
}

static void start(struct keys *keys, const struct key_set *set, int64_t now_ns)
{
    keys->moment.now_ns = now_ns;
    keys->writing = set->generation;
    key_writer_start(keys->writer, &keys->moment, set);
}

// Makes the next set, once for each rotation: an attempt to write it that seemed to fail may have
// reached the disk. Only the age starts anew, so that a late rotation is followed by a whole
// interval.
static bool prepare(struct keys *keys, int64_t now_ns)
{
    if (!keys->next_made) {
        int err = key_set_rotate(&keys->set, keys->keep, now_ns, &keys->next);
        if (err < 0) {
            failed(keys, "no random octets for the next key of", err, now_ns);
            return false;
        }
        keys->next_made = true;
    }
    keys->next.key[KEY_FUTURE].made_ns = now_ns;
    return true;
}

// A day of failure: rotates without the disk.
static void force(struct keys *keys, struct snapshot *ring, int64_t now_ns)
{
    if (!prepare(keys, now_ns))
        return;
    log_error("ALARM: the key file %s could not be written for 24 h; rotating without it. A "
              "restart after the next rotation will not know all cookies",
              keys->path);
    adopt(keys, ring);
    keys->unsaved = true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t due_ns(const struct keys *keys)
{
    return keys->set.key[KEY_FUTURE].made_ns + keys->rotate_ns;
}

static int64_t ages_due_ns(const struct keys *keys)
{
    if (keys->rotate_ns < AGE_WRITES * 60 * S_NS)
        return INT64_MAX; // short intervals pass within any uptime
    return keys->ages_saved_ns + keys->rotate_ns / AGE_WRITES;
}

uint64_t keys_turn(struct keys *keys, struct snapshot *ring, uint64_t now)
{
    int64_t now_ns = (int64_t)now;
    int err;
    if (keys->writing != 0 && key_writer_done(keys->writer, &err))
        written(keys, ring, err, now_ns);

    if (now_ns >= due_ns(keys)) {
        if (keys->postponed_ns == 0)
            keys->postponed_ns = now_ns;
        if (now_ns - keys->postponed_ns >= POSTPONE_NS)
            force(keys, ring, now_ns);
    }

    if (keys->writing == 0 && now_ns >= keys->try_ns) {
        if (now_ns >= due_ns(keys)) {
            if (prepare(keys, now_ns))
                start(keys, &keys->next, now_ns);
        } else if (keys->unsaved || now_ns >= ages_due_ns(keys)) {
            start(keys, &keys->set, now_ns);
        }
    }
    if (keys->writing != 0)
        return now + BUSY_NS;

    int64_t next_ns = keys->unsaved ? now_ns : earlier(due_ns(keys), ages_due_ns(keys));
    return (uint64_t)(next_ns < keys->try_ns ? keys->try_ns : next_ns);
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

bool keys_failing(const struct keys *keys)
{
    return keys->failing;
}

void keys_close(struct keys *keys)
{
    if (keys == NULL)
        return;
    bool done;
    int err = 0;
    key_writer_close(keys->writer, &done, &err);
    if (done && err == 0 && keys->next_made && keys->writing == keys->next.generation) {
        keys->set = keys->next;
        keys->next_made = false;
    }
    // With a set that would not be written the disk is left alone: it may have got there in part.
    if (!keys->next_made) {
        err = key_file_moment_now(&keys->moment);
        if (err == 0)
            err = key_file_write(keys->path, &keys->moment, &keys->set);
        if (err < 0)
            log_error("cannot write key file %s: %s", keys->path, strerror(-err));
    }
    secret_free(keys, sizeof *keys);
}
