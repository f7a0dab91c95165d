#include "supervisor/renewal.h"

#include "base/log.h"

enum { BUSY_MS = 1000 };

// After the first, the second refusal and so on; the last one again and again.
static const uint32_t pauses_ms[] = {RENEWAL_AGAIN_MS, 60000, 600000, 3600000};
enum { PAUSES = sizeof pauses_ms / sizeof pauses_ms[0] };

bool renewal_due(struct renewal *renewal, uint64_t changes, uint64_t now_ms)
{
    if (renewal->state == RENEWAL_ASKED)
        return false; // what changes meanwhile counts after the answer
    if (renewal->pause_ms != 0) {
        renewal->due_ms = now_ms + renewal->pause_ms;
        renewal->pause_ms = 0;
    }
    if (changes != renewal->seen) {
        *renewal = (struct renewal){
            .seen = changes, .state = RENEWAL_WAITS, .due_ms = now_ms + RENEWAL_REST_MS};
    }
    if (renewal->state != RENEWAL_WAITS || now_ms < renewal->due_ms)
        return false;
    renewal->state = RENEWAL_ASKED;
    return true;
}

static void refused(struct renewal *renewal, const char *why)
{
    const uint32_t i = renewal->refusals < PAUSES ? renewal->refusals : PAUSES - 1;

    renewal->pause_ms = pauses_ms[i];
    renewal->refusals++;
    // The files may have been half replaced.
    if (renewal->refusals == 1)
        log_info("control.certificates: changed files cannot be served as they are; they are "
                 "looked at again in %u s: %s",
                 renewal->pause_ms / 1000, why);
    else
        log_error("control.certificates: changed files are refused, the old ones serve on: %s; "
                  "they are looked at after each change, and again in %u s",
                  why, renewal->pause_ms / 1000);
}

void renewal_end(struct renewal *renewal, enum renewal_result result, const char *why)
{
    renewal->state = result == RENEWAL_DONE ? RENEWAL_NONE : RENEWAL_WAITS;
    if (result == RENEWAL_REFUSED)
        refused(renewal, why);
    else if (result == RENEWAL_BUSY)
        renewal->pause_ms = BUSY_MS;
}
