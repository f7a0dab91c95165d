// Deriving one set of cookie keys from another.
#include "control/keys/key_set.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static int random_fill(void *at, size_t len)
{
    ssize_t n = getrandom(at, len, 0); // up to 256 octets are returned whole or not at all
    if (n < 0)
        return -errno;
    return (size_t)n == len ? 0 : -EIO;
}

// Checklist, decision 3: a cookie for another context may flip the id's lowest bit, so two ids that
// differ only there count as equal.
static bool same_id(uint32_t a, uint32_t b)
{
    return (a | 1) == (b | 1);
}

static bool has_id(const struct key_set *set, uint32_t id)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (same_id(set->key[i].id, id))
            return true;
    return false;
}

// Makes a key whose id is not in the set.
static int make(const struct key_set *set, int64_t now_ns, struct key *key)
{
    *key = (struct key){.made_ns = now_ns};
    int err = random_fill(key->secret, sizeof key->secret);
    // With eight keys a second draw is needed once in 2^28 times; a source that always repeats
    // itself is broken, and no key must be made with it.
    for (unsigned draws = 0; err == 0; draws++) {
        if (draws == 16)
            return -EIO;
        err = random_fill(&key->id, sizeof key->id);
        if (err == 0 && !has_id(set, key->id))
            break;
    }
    return err;
}

int key_set_make(struct key_set *set, int64_t now_ns)
{
    *set = (struct key_set){.generation = 1};
    for (uint32_t i = KEY_CURRENT; i <= KEY_FUTURE; i++) {
        int err = make(set, now_ns, &set->key[i]);
        if (err < 0)
            return err;
        set->n = i + 1;
    }
    return 0;
}

// How many imported keys have room beside our own ones that stay in the next set.
static uint32_t room_for_imported(const struct key_set *from, uint32_t keep)
{
    uint32_t own = 0;
    for (uint32_t i = 0; i < from->n; i++)
        own += i != KEY_FUTURE && !from->key[i].foreign_ad;
    return KEY_SET_KEEP_MAX - (own < keep ? own : keep);
}

int key_set_rotate(const struct key_set *from, uint32_t keep, int64_t now_ns, struct key_set *to)
{
    if (keep > KEY_SET_KEEP_MAX)
        keep = KEY_SET_KEEP_MAX;
    uint32_t n = KEY_OLD, own = 0, room = room_for_imported(from, keep);
    *to = (struct key_set){.generation = from->generation + 1};
    to->key[KEY_CURRENT] = from->key[KEY_FUTURE];
    // An imported key stays for as long as one of our own in its place would.
    for (uint32_t i = 0; i < from->n && own < keep; i++) {
        const bool imported = from->key[i].foreign_ad;
        if (i == KEY_FUTURE || (imported && room == 0))
            continue;
        to->key[n++] = from->key[i];
        own += !imported;
        room -= imported;
    }
    to->n = n;

    // The new id must not be in the last set either, not even as a dropped key: a core may still
    // have that key.
    return make(from, now_ns, &to->key[KEY_FUTURE]);
}

bool key_set_has(const struct key_set *set, uint32_t id)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (set->key[i].id == id)
            return true;
    return false;
}

int key_set_revoke(const struct key_set *from, uint32_t id, int64_t now_ns, struct key_set *to)
{
    if (!key_set_has(from, id))
        return -ENOENT;
    *to = (struct key_set){.generation = from->generation + 1};
    for (uint32_t i = 0; i < from->n; i++)
        if (from->key[i].id != id)
            to->key[to->n++] = from->key[i];
    const bool keeps_both = from->key[KEY_CURRENT].id != id && from->key[KEY_FUTURE].id != id;
    if (keeps_both)
        return 0;
    // The key that is left of the two is the first one and seals; the old ones move up by a place.
    memmove(&to->key[KEY_OLD], &to->key[KEY_FUTURE], (to->n - 1) * sizeof to->key[0]);
    to->n++;
    return make(from, now_ns, &to->key[KEY_FUTURE]);
}

int key_set_revoke_all(const struct key_set *from, int64_t now_ns, struct key_set *to)
{
    *to = (struct key_set){.generation = from->generation + 1};
    for (uint32_t i = KEY_CURRENT; i <= KEY_FUTURE; i++) {
        int err = make(from, now_ns, &to->key[i]);
        if (err < 0)
            return err;
        if (has_id(to, to->key[i].id)) // once in 2^31 times: tried again in a minute
            return -EIO;
        to->n = i + 1;
    }
    return 0;
}

// Appends a key, unless its id is there or there is no room.
static void append(struct key_set *set, const struct key *key)
{
    if (set->n < KEY_SET_MAX && !has_id(set, key->id))
        set->key[set->n++] = *key;
}

uint32_t key_set_news(const struct key_set *set, const uint32_t *id, uint32_t n)
{
    uint32_t news = 0;
    for (uint32_t i = 0; i < n; i++)
        news += !has_id(set, id[i]);
    const uint32_t room = KEY_SET_MAX - set->n;
    return news < room ? news : room;
}

void key_set_import(const struct key_set *from, const struct key *key, uint32_t n, bool seal,
                    struct key_set *to)
{
    const bool is_new = !has_id(from, key[0].id);
    assert(n > 0 && (is_new || !seal) && from->n < KEY_SET_MAX);
    *to = (struct key_set){.generation = from->generation + 1, .n = KEY_OLD};
    to->key[KEY_CURRENT] = seal ? key[0] : from->key[KEY_CURRENT];
    to->key[KEY_FUTURE] = from->key[KEY_FUTURE];
    if (seal)
        append(to, &from->key[KEY_CURRENT]);
    else if (is_new)
        append(to, &key[0]);
    for (uint32_t i = KEY_OLD; i < from->n; i++)
        append(to, &from->key[i]);
    for (uint32_t i = 1; i < n; i++)
        append(to, &key[i]);
}

int64_t key_set_age(const struct key_set *set, int64_t now_ns)
{
    return now_ns - set->key[KEY_FUTURE].made_ns;
}

bool key_set_sound(const struct key_set *set)
{
    if (set->n < 2 || set->n > KEY_SET_MAX)
        return false;
    for (uint32_t i = 1; i < set->n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (same_id(set->key[i].id, set->key[j].id))
                return false;
    return true;
}

void key_set_record(const struct key_set *set, struct keyring_record *record)
{
    *record = (struct keyring_record){.n = set->n, .current = KEY_CURRENT};
    for (uint32_t i = 0; i < set->n; i++) {
        record->entry[i].id = set->key[i].id;
        record->entry[i].foreign_ad = set->key[i].foreign_ad;
        memcpy(record->entry[i].secret, set->key[i].secret, COOKIE_KEY_LEN);
    }
}
