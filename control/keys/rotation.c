#include "control/keys/rotation.h"

#include <assert.h>

#define S_NS INT64_C(1000000000)
#define RETRY_NS (60 * S_NS)
#define POSTPONE_NS (24 * 3600 * S_NS) // faults, F12: after this the rotation is forced
#define BUSY_NS (S_NS / 100)           // how soon to check again while the store writes
enum { AGE_WRITES = 8 };               // how often the ages are stored in one rotation

static struct rotation_action task(enum rotation_task what)
{
    return (struct rotation_action){.task = what};
}

static struct rotation_action wait_until(int64_t until_ns)
{
    return (struct rotation_action){.task = ROTATION_WAIT, .until_ns = until_ns};
}

bool rotation_is_worn(const struct rotation *r)
{
    return r->sealed >> ROTATION_WORN_LOG2 != 0;
}

static int64_t due_ns(const struct rotation *r, const struct key_set *set)
{
    return set->key[KEY_FUTURE].made_ns + r->rotate_ns;
}

static int64_t ages_due_ns(const struct rotation *r)
{
    if (r->rotate_ns < AGE_WRITES * 60 * S_NS)
        return INT64_MAX; // an uptime is longer than such a short interval
    return r->ages_saved_ns + r->rotate_ns / AGE_WRITES;
}

static struct rotation_action make(struct rotation *r, enum rotation_task which)
{
    r->making = true;
    return task(which);
}

static struct rotation_action write_set(struct rotation *r, const struct key_set *set)
{
    r->writing = set->generation;
    return task(ROTATION_WRITE);
}

static struct rotation_action put_into_use(struct rotation *r, enum rotation_task how)
{
    r->next_made = false;
    r->overdue = r->asked = false;
    r->sealed = 0;
    r->unsaved = how == ROTATION_FORCE;
    return task(how);
}

// A rotation is due. The next set is made only once, because a write that seemed to fail may have
// reached the disk.
static struct rotation_action rotate(struct rotation *r, const struct key_set *set, int64_t now_ns)
{
    if (!r->overdue) {
        r->overdue = true;
        r->overdue_ns = now_ns;
    }
    bool forced = now_ns - r->overdue_ns >= POSTPONE_NS;
    if (forced && r->next_made)
        return put_into_use(r, ROTATION_FORCE);
    bool may_try = now_ns >= r->try_ns && (forced || r->writing == 0);
    if (may_try && !r->next_made)
        return make(r, ROTATION_MAKE_NEXT);
    if (may_try) {
        r->writing = set->generation + 1;
        return task(ROTATION_WRITE_NEXT);
    }
    return wait_until(r->writing != 0 ? now_ns + BUSY_NS : r->try_ns);
}

static struct rotation_action serve(struct rotation *r, const struct key_set *set, int64_t now_ns)
{
    if (r->asked || rotation_is_worn(r) || now_ns >= due_ns(r, set))
        return rotate(r, set, now_ns);
    if (r->writing != 0)
        return wait_until(now_ns + BUSY_NS);
    int64_t next_ns = due_ns(r, set);
    if (r->unsaved)
        next_ns = now_ns;
    else if (ages_due_ns(r) < next_ns)
        next_ns = ages_due_ns(r);
    if (next_ns < r->try_ns)
        next_ns = r->try_ns;
    return next_ns <= now_ns ? write_set(r, set) : wait_until(next_ns);
}

// With a next set that could not be written, nothing more is written: part of that set may have
// reached the disk.
static struct rotation_action finish(struct rotation *r, const struct key_set *set)
{
    if (r->writing != 0)
        return task(ROTATION_AWAIT);
    if (r->next_made)
        return task(ROTATION_END);
    r->phase = ROTATION_ENDING;
    return write_set(r, set);
}

// The next task, after the event has been noted.
static struct rotation_action go_on(struct rotation *r, const struct key_set *set, int64_t now_ns)
{
    switch (r->phase) {
    case ROTATION_SERVING:
        return serve(r, set, now_ns);
    case ROTATION_CLOSING:
        return finish(r, set);
    default: // the first set is being written, or the last ages
        assert(r->writing != 0);
        return task(ROTATION_AWAIT);
    }
}

static struct rotation_action found(struct rotation *r, enum rotation_event what, int64_t now_ns)
{
    assert(r->phase == ROTATION_READING);
    if (what == ROTATION_FOUND_NONE) {
        r->phase = ROTATION_FOUNDING;
        return make(r, ROTATION_MAKE_FIRST);
    }
    r->phase = ROTATION_SERVING;
    r->unsaved = what == ROTATION_FOUND_OLD;
    r->ages_saved_ns = now_ns;
    return wait_until(now_ns);
}

static struct rotation_action made(struct rotation *r, const struct key_set *set, int64_t now_ns)
{
    if (r->phase == ROTATION_FOUNDING)
        return write_set(r, set);
    r->next_made = true;
    return go_on(r, set, now_ns);
}

static struct rotation_action written(struct rotation *r, const struct key_set *set, int64_t now_ns)
{
    uint64_t generation = r->writing;
    assert(generation != 0);
    r->writing = 0;
    r->failing = false;
    r->ages_saved_ns = now_ns;
    if (r->phase == ROTATION_ENDING)
        return task(ROTATION_END);
    if (r->phase == ROTATION_FOUNDING) {
        r->phase = ROTATION_SERVING;
        return wait_until(now_ns);
    }
    if (r->next_made && generation == set->generation + 1)
        return put_into_use(r, ROTATION_ADOPT);
    // A write that hung for a day may be of the set before the forced one.
    r->unsaved = generation != set->generation;
    return go_on(r, set, now_ns);
}

static struct rotation_action failed(struct rotation *r, const struct key_set *set, int64_t now_ns)
{
    r->failing = true;
    r->try_ns = now_ns + RETRY_NS;
    if (r->phase == ROTATION_FOUNDING)
        return task(ROTATION_GIVE_UP);
    if (r->phase == ROTATION_ENDING)
        return task(ROTATION_END);
    return go_on(r, set, now_ns);
}

struct rotation_action rotation_step(struct rotation *r, const struct key_set *set,
                                     enum rotation_event event, int64_t now_ns)
{
    assert(r->making == (event == ROTATION_MADE || event == ROTATION_NOT_MADE));
    switch (event) {
    case ROTATION_FOUND:
    case ROTATION_FOUND_OLD:
    case ROTATION_FOUND_NONE:
        return found(r, event, now_ns);
    case ROTATION_TIME:
        return go_on(r, set, now_ns);
    case ROTATION_MADE:
        r->making = false;
        return made(r, set, now_ns);
    case ROTATION_NOT_MADE:
        r->making = false;
        return failed(r, set, now_ns);
    case ROTATION_WRITTEN:
        return written(r, set, now_ns);
    case ROTATION_NOT_WRITTEN:
        assert(r->writing != 0);
        r->writing = 0;
        return failed(r, set, now_ns);
    case ROTATION_CLOSE:
        assert(r->phase == ROTATION_SERVING);
        r->phase = ROTATION_CLOSING;
        return go_on(r, set, now_ns);
    case ROTATION_ASKED:
        assert(r->phase == ROTATION_SERVING && r->writing == 0);
        r->asked = true;
        return go_on(r, set, now_ns);
    }
    assert(false && "an event of the list");
    return task(ROTATION_GIVE_UP);
}
