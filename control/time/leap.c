// Announced leap seconds.
#include "control/time/leap.h"

#include "base/ntp_time.h"
#include "board/ntp_state.h"

#define SECOND_NS ((int64_t)NS_PER_S)
#define DAY_NS (86400 * SECOND_NS)
#define NEAR_NS (2 * SECOND_NS)

static int64_t day_of(int64_t utc_ns)
{
    return utc_ns / DAY_NS - (utc_ns % DAY_NS < 0);
}

uint8_t leap_announced(struct leap *leap, uint8_t said, int64_t utc_ns)
{
    const int64_t day = day_of(utc_ns);

    if (leap->said != said)
        *leap = (struct leap){.said = said, .day = day};
    return leap->day == day ? said : LEAP_NONE;
}

bool leap_explains(struct leap *leap, int64_t utc_ns, double by_ns)
{
    const int64_t of_day = utc_ns - day_of(utc_ns) * DAY_NS;
    const bool near = of_day < NEAR_NS || of_day > DAY_NS - NEAR_NS;

    if (leap->said == LEAP_NONE || leap->over || !near || !leap_is_jump(leap->said, by_ns))
        return false;
    leap->over = true;
    return true;
}

// The kernel inserts by putting 00:00:00 back to 23:59:59, and deletes by going on from 23:59:58 to
// 00:00:00.
int64_t leap_void_ns(const struct leap *leap, int64_t utc_ns)
{
    if (leap->said == LEAP_NONE || leap->over || leap->day != day_of(utc_ns))
        return 0;
    const int64_t jump_ns =
        (leap->day + 1) * DAY_NS - (leap->said == LEAP_DELETE ? SECOND_NS : 0) - LEAP_MARGIN_NS;
    return jump_ns - utc_ns < NEAR_NS ? jump_ns : 0;
}
