// What is shown of the keys: never a key itself.
#include "control/keys/keys_state.h"

#define S_NS INT64_C(1000000000)

size_t keys_describe(const struct keys *keys, uint64_t now_ns, struct keys_line out[KEYS_LINES])
{
    uint32_t own = 0; // an imported key goes with the next one of our own
    for (uint32_t i = 0; i < keys->set.n; i++) {
        const bool imported = keys->set.key[i].foreign_ad;
        int64_t age_ns = (int64_t)now_ns - keys->set.key[i].made_ns;
        out[i] = (struct keys_line){
            .id = keys->set.key[i].id,
            .role = i == KEY_CURRENT  ? "current"
                    : i == KEY_FUTURE ? "future"
                                      : "old",
            .imported = imported,
            .old = i < KEY_OLD ? 0 : own + 1,
            .age_s = age_ns < 0 ? 0 : (uint64_t)(age_ns / S_NS),
        };
        own += i >= KEY_OLD && !imported;
    }
    return keys->set.n;
}

bool keys_fleet(const struct keys *keys, struct fleet_report *report)
{
    if (keys->fleet != NULL)
        fleet_describe(keys->fleet, report);
    return keys->fleet != NULL;
}

void keys_schedule(const struct keys *keys, uint64_t now_ns, struct keys_schedule *schedule)
{
    const struct rotation *r = &keys->rotation;
    struct fleet_report fleet;
    if (keys_fleet(keys, &fleet)) {
        *schedule = (struct keys_schedule){
            .rotate_s = fleet.rotate_s,
            .keep = keys->keep,
            .next_s = fleet_next_s(keys->fleet),
            .failing = keys_failing(keys),
        };
        return;
    }
    const int64_t left_ns = keys->set.key[KEY_FUTURE].made_ns + r->rotate_ns - (int64_t)now_ns;
    const bool due = left_ns <= 0 || r->asked || rotation_is_worn(r);
    *schedule = (struct keys_schedule){
        .rotate_s = (uint32_t)(r->rotate_ns / S_NS),
        .keep = keys->keep,
        .next_s = due ? 0 : (uint64_t)(left_ns / S_NS),
        .rotating = due,
        .writing = r->writing != 0,
        .failing = r->failing,
    };
}

const struct keys_outcome *keys_outcome(const struct keys *keys)
{
    return &keys->outcome;
}

bool keys_failing(const struct keys *keys)
{
    struct fleet_report fleet;
    if (keys_fleet(keys, &fleet))
        return fleet.file.copy_failing;
    return keys->rotation.failing;
}
