#include "control/keys/fleet_step.h"

#include "base/bytes.h"
#include "fleet/derive.h"

#define S_NS INT64_C(1000000000)
#define STEP_NS (S_NS / 2) // by so much a clock moves only when it is set
#define DOUBT_NS S_NS      // the time source looks 20 times a second

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    if (value < least)
        return least;
    return value > most ? most : value;
}

static int64_t period_at(const struct fleet_document *d, int64_t utc_ns)
{
    const int64_t utc_s = utc_ns < 0 ? 0 : utc_ns / S_NS;
    return clamp(fleet_period(d, utc_s), fleet_period_first(d), fleet_period_last(d));
}

// A set that is being made.
struct making {
    const struct fleet_document *document;
    const struct fleet_time *time;
    struct key_set *set;
    bool failed;
};

// Puts the period's key into a place of the set, unless it is revoked. Its age counts from when it
// was published as the future one.
static bool put(struct making *m, int64_t period, uint32_t at)
{
    struct fleet_key key;
    if (!fleet_derive_key(m->document, period, &key)) {
        m->failed = true;
        return false;
    }
    const bool good = !fleet_document_revokes(m->document, key.id);
    if (good) {
        const int64_t made_s = fleet_period_begins(m->document, period - 1);
        struct key *to = &m->set->key[at];
        *to = (struct key){.id = key.id,
                           .made_ns = m->time->now_ns - (m->time->utc_ns - made_s * S_NS)};
        memcpy(to->secret, key.secret, sizeof to->secret);
    }
    bytes_wipe(&key, sizeof key);
    return good;
}

// The first period from `from` on whose key is not revoked goes into a place; returns it. There are
// fewer `revoke` lines than periods.
static int64_t put_first(struct making *m, int64_t from, uint32_t at)
{
    int64_t period = from;
    while (!put(m, period, at) && !m->failed)
        period++;
    return period;
}

// Is there a key with that id, apart from the lowest bit?
static bool has_id(const struct key_set *set, uint32_t id)
{
    for (uint32_t i = 0; i < set->n; i++)
        if ((set->key[i].id | 1) == (id | 1))
            return true;
    return false;
}

static bool make(struct fleet_steps *s, struct making *m, int64_t period, uint32_t keep)
{
    const struct fleet_document *d = m->document;
    *m->set = (struct key_set){.generation = d->serial, .n = KEY_OLD};

    const int64_t current = put_first(m, period, KEY_CURRENT);
    if (!m->failed)
        put_first(m, current + 1, KEY_FUTURE);
    const int64_t oldest = clamp(period - (int64_t)keep, fleet_period_first(d), period);
    for (int64_t p = current - 1; p >= oldest && !m->failed; p--)
        if (m->set->n < KEY_SET_MAX && put(m, p, m->set->n))
            m->set->n++;
    s->has_kept = s->has_kept && period < s->kept_until && !has_id(m->set, s->kept.id) &&
                  !fleet_document_revokes(d, s->kept.id);
    if (!s->has_kept)
        bytes_wipe(&s->kept, sizeof s->kept);
    // In the place of the oldest one if the set is full: clients may have more cookies of it.
    if (s->has_kept && m->set->n < KEY_SET_MAX)
        m->set->n++;
    if (s->has_kept)
        m->set->key[m->set->n - 1] = s->kept;
    return !m->failed;
}

// The key that seals now will be missing from the next set: keeps it.
static void keep_sealing_key(struct fleet_steps *s, const struct key_set *from, int64_t period,
                             uint32_t keep)
{
    if (from->n == 0 || keep == 0)
        return;
    s->kept = from->key[KEY_CURRENT];
    s->kept_until = period + (int64_t)keep;
    s->has_kept = true;
}

static bool is_trusted(struct fleet_steps *s, const struct fleet_time *time)
{
    const int64_t offset_ns = time->utc_ns - time->now_ns;
    const int64_t moved_ns = offset_ns - s->offset_ns;
    if (s->has_period && (moved_ns > STEP_NS || moved_ns < -STEP_NS))
        s->doubt_until_ns = time->now_ns + DOUBT_NS;
    s->offset_ns = offset_ns;
    return time->synchronised && time->now_ns >= s->doubt_until_ns;
}

bool fleet_step(struct fleet_steps *steps, const struct fleet_document *document, bool fresh,
                uint32_t keep, const struct fleet_time *time, struct key_set *set, bool *failed)
{
    *failed = false;
    if (keep > KEY_SET_KEEP_MAX)
        keep = KEY_SET_KEEP_MAX;
    int64_t period = period_at(document, time->utc_ns);
    if (!is_trusted(steps, time) && steps->has_period)
        period = clamp(steps->period, fleet_period_first(document), fleet_period_last(document));
    if (steps->has_period && period == steps->period && keep == steps->keep && !fresh)
        return false;

    struct key_set next;
    struct fleet_steps after = *steps;
    struct making making = {.document = document, .time = time, .set = &next};
    bool good = make(&after, &making, period, keep);
    if (good && set->n > 0 && !has_id(&next, set->key[KEY_CURRENT].id)) {
        keep_sealing_key(&after, set, period, keep);
        good = make(&after, &making, period, keep);
    }
    if (good) {
        after.has_period = true;
        after.period = period;
        after.keep = keep;
        *steps = after;
        *set = next;
    }
    bytes_wipe(&next, sizeof next);
    bytes_wipe(&after, sizeof after);
    *failed = !good;
    return good;
}

int64_t fleet_step_due(const struct fleet_steps *s, const struct fleet_document *d)
{
    if (s->period >= fleet_period_last(d))
        return INT64_MAX;
    return fleet_period_begins(d, s->period + 1) * S_NS;
}

// Beyond the spans too: a clock may be wrong at their ends.
bool fleet_step_hints(const struct fleet_steps *s, const struct fleet_document *d,
                      struct key_hints_record *hints)
{
    *hints = (struct key_hints_record){0};
    for (int64_t i = 0; i < KEY_HINT_IDS; i++) {
        const int64_t expired = s->period - (int64_t)s->keep - 1 - i;
        if (!fleet_derive_id(d, s->period + 2 + i, &hints->id[KEY_HINT_FUTURE][i]))
            return false;
        hints->n[KEY_HINT_FUTURE]++;
        if (expired < 0)
            continue;
        if (!fleet_derive_id(d, expired, &hints->id[KEY_HINT_EXPIRED][i]))
            return false;
        hints->n[KEY_HINT_EXPIRED]++;
    }
    return true;
}
