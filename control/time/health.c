// The verdict on the time source.
#include "control/time/health.h"

#define MS_NS UINT64_C(1000000)

void health_open(struct health *health, uint64_t now_ns)
{
    *health = (struct health){.since_ns = now_ns};
}

static enum health_reason reason_of(const struct health_facts *facts)
{
    if (facts->stepped)
        return HEALTH_STEPPED;
    if (facts->contradicted)
        return HEALTH_CONTRADICTED;
    if (facts->stale)
        return HEALTH_STALE;
    if (facts->unsynchronised)
        return HEALTH_UNSYNCHRONISED;
    // Also when it is not a number.
    return facts->error_s < facts->error_max_s ? HEALTH_GOOD : HEALTH_ERROR;
}

bool health_judge(struct health *health, const struct health_facts *facts, uint64_t now_ns)
{
    const enum health_reason before = health->reason;

    health->reason = reason_of(facts);
    if ((before == HEALTH_GOOD) != (health->reason == HEALTH_GOOD)) {
        health->since_ns = now_ns;
        health->changes++;
    }
    return health->reason != before;
}

bool health_has_news(const struct health *health, uint64_t now_ns)
{
    const bool good = health->reason == HEALTH_GOOD;

    if (health->told == (good ? HEALTH_TOLD_GOOD : HEALTH_TOLD_BAD))
        return false;
    const bool at_once = !good && health->told != HEALTH_TOLD_NOTHING;
    return at_once || now_ns - health->since_ns >= HEALTH_CALM_MS * MS_NS;
}

void health_told(struct health *health)
{
    health->told = health->reason == HEALTH_GOOD ? HEALTH_TOLD_GOOD : HEALTH_TOLD_BAD;
}

const char *health_state_word(const struct health *health)
{
    return health->reason == HEALTH_GOOD ? "healthy" : "unhealthy";
}

const char *health_reason_word(const struct health *health)
{
    static const char *const words[HEALTH_REASONS] = {
        [HEALTH_STEPPED] = "stepped", [HEALTH_CONTRADICTED] = "contradicted",
        [HEALTH_STALE] = "stale",     [HEALTH_UNSYNCHRONISED] = "unsynchronised",
        [HEALTH_ERROR] = "error",
    };
    return words[health->reason];
}
