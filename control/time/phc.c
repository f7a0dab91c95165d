// Readings of a hardware clock.
#include "control/time/phc.h"

#include "base/ntp_time.h"

#include <errno.h>
#include <stddef.h>

// Differences are formed before anything becomes a double, which cannot hold a date to the
// nanosecond.
double phc_offset_s(const struct phc_reading *reading, int ahead_s, double *unsure_s)
{
    const int64_t width = reading->after_ns - reading->before_ns;
    const int64_t utc_ns = reading->phc_ns - (int64_t)ahead_s * NS_PER_S;
    const int64_t off_ns = utc_ns - (reading->before_ns + width / 2);

    *unsure_s = ((double)width / 2 + 1) / NS_PER_S;
    return (double)off_ns / NS_PER_S;
}

void phc_read_once(const struct phc_reader *reader, struct phc_word *word,
                   struct snapshot *snapshot)
{
    struct phc_reading readings[PHC_READINGS];
    const uint64_t now_ns = reader->now_ns(reader->self);

    const int n = reader->read(reader->self, readings, PHC_READINGS);
    const struct phc_reading *best = phc_narrowest(readings, n);
    word->fault = n < 0 ? n : best == NULL ? -ERANGE : 0;
    if (best != NULL) {
        word->reading = *best;
        word->read_ns = now_ns;
    }
    snapshot_publish(snapshot, word, sizeof *word);
}
