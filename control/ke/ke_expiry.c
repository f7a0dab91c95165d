#include "control/ke/ke_expiry.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdbool.h>

enum { DAY_S = 86400, FIRST_DAYS = 30, SECOND_DAYS = 14, DAILY = 7 };

// Whole days; the last one and those after the end are negative: the first of them is -1.
static int64_t days_to(int64_t expires_s, int64_t now_s)
{
    const int64_t left_s = expires_s - now_s;
    return left_s >= 0 ? left_s / DAY_S : -1 + (left_s + 1) / DAY_S;
}

// Higher is more urgent; 0: not at all. As tls_chain.c, which speaks when fewer than 30 days are
// left.
static int32_t urgency_of(int64_t days)
{
    if (days < DAILY)
        return (int32_t)(3 + DAILY - days);
    return days < SECOND_DAYS ? 2 : days < FIRST_DAYS;
}

static void tell(const struct board_certificate *c, int64_t days)
{
    if (days < 0)
        log_error("%s: HAS EXPIRED: clients refuse it; renew it", c->chain);
    else
        (days < DAILY ? log_error : log_warning)("%s: expires in %" PRId64
                                                 " days; renew it, or see why that has failed",
                                                 c->chain, days);
}

void ke_expiry_look(struct ke_expiry *expiry, const struct board_ke *board, int64_t now_s)
{
    const uint32_t n = atomic_load_explicit(&board->n_certificates, memory_order_relaxed);

    for (uint32_t i = 0; i < n && i < CERTIFICATES_MAX; i++) {
        struct board_certificate c;
        uint64_t seen = 0;
        if (!snapshot_read(&board->certificate[i], &c, sizeof c, &seen))
            continue;
        const int64_t days = days_to(c.expires_s, now_s);
        const int32_t urgency = urgency_of(days);
        const bool fresh = c.expires_s != expiry->expires_s[i];
        // A clock that steps to and fro says nothing twice; one that was wrong by more begins anew.
        if (!fresh && urgency <= expiry->told[i] && urgency + 1 >= expiry->told[i])
            continue;
        if (!fresh && urgency > expiry->told[i])
            tell(&c, days);
        expiry->expires_s[i] = c.expires_s;
        expiry->told[i] = urgency;
    }
}
