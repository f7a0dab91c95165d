#include "etcd/step.h"

#include "base/bounds.h"
#include "base/bytes.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

enum { NS_PER_S = 1000000000 };
static_assert(STEP_SPANS_KEPT + STEP_APPEND_MOST < FLEET_SPANS_MAX, "spans can always be appended");

static bool same(const struct fleet_document *a, const struct fleet_document *b)
{
    if (a->rotate_s != b->rotate_s || a->n_spans != b->n_spans || a->n_revoked != b->n_revoked)
        return false;
    for (uint32_t i = 0; i < a->n_revoked; i++)
        if (a->revoked[i] != b->revoked[i])
            return false;
    for (uint32_t i = 0; i < a->n_spans; i++)
        if (a->span[i].from_s != b->span[i].from_s || a->span[i].until_s != b->span[i].until_s ||
            !bytes_equal_ct(a->span[i].secret, b->span[i].secret, FLEET_SECRET_LEN))
            return false;
    return true;
}

enum step_verdict step_judge(const struct fleet_document *present,
                             const struct fleet_document *offered)
{
    if (present == NULL || offered->serial > present->serial)
        return STEP_NEW;
    if (offered->serial < present->serial)
        return STEP_OLDER;
    return same(present, offered) ? STEP_SAME : STEP_OTHER;
}

static bool lacks_future(int64_t until_s, int64_t utc_s, uint32_t lead_s)
{
    return until_s - utc_s < (int64_t)lead_s;
}

enum step step_next(const struct step_facts *f)
{
    if (f->held && f->synchronised && lacks_future(f->until_s, f->utc_s, f->lead_s) &&
        f->now_ns - f->unchanged_ns >= (uint64_t)f->settle_s * NS_PER_S)
        return STEP_APPEND;
    return f->now_ns >= f->read_due_ns ? STEP_READ : STEP_WAIT;
}

// Removes the oldest spans that no key of any node comes from, as far as there are too many.
static void forget(struct fleet_document *d, int64_t utc_s)
{
    const int64_t horizon_s = utc_s - (int64_t)(OLD_KEYS_MAX + 2) * d->rotate_s;
    uint32_t n = 0;

    while (d->n_spans - n > STEP_SPANS_KEPT && d->span[n].until_s < horizon_s)
        n++;
    d->n_spans -= n;
    memmove(&d->span[0], &d->span[n], d->n_spans * sizeof d->span[0]);
    bytes_wipe(&d->span[d->n_spans], n * sizeof d->span[0]);
}

bool step_append(const struct fleet_document *present, int64_t utc_s, uint32_t lead_s,
                 struct fleet_document *next, const char **why)
{
    const struct fleet_span *last = &present->span[present->n_spans - 1];
    const int64_t length_s = last->until_s - last->from_s;
    int64_t until_s = last->until_s;

    *next = *present;
    next->serial++;
    forget(next, utc_s);
    for (int i = 0; i < STEP_APPEND_MOST && lacks_future(until_s, utc_s, lead_s); i++) {
        if (next->n_spans == FLEET_SPANS_MAX) {
            *why = "the document is full; put one with fewer old spans";
            return false;
        }
        struct fleet_span *span = &next->span[next->n_spans++];
        span->from_s = until_s;
        span->until_s = until_s += length_s;
        if (RAND_priv_bytes(span->secret, sizeof span->secret) != 1) {
            *why = "libcrypto has no random octets";
            return false;
        }
    }
    return true;
}
