// Which keys of a fleet's document are in use at a time, as one pure step: its input is the
// document, UTC, and whether the clock can be trusted; its output is a set of keys. RFC 8915,
// section 6; checklist CK-5, CK-6.
//
//   current  the key of the period that UTC is in
//   future   that of the next one
//   old      those of the `keep` periods before, as far as the document has them
//
// Before the first and after the last period of the document, its first or last one is frozen. A
// revoked key is in no set; when it would be current, the next one that is not revoked seals.
//
// UTC may jump: after the end of the spans a new document arrives, or a clock is set. The key that
// sealed until then would at once be too old for the set, or unknown. It stays for `keep` periods,
// because clients have cookies of it.
//
// A step of the clock may be seen here before the time source has judged it. So for a second after
// one the clock is not trusted, whatever is said of it.
//
// No clock, no file, no log. Contains key material: memory from secret.h. One thread.
#pragma once

#include "board/key_hints.h"
#include "control/keys/key_set.h"
#include "fleet/document.h"

#include <stdbool.h>
#include <stdint.h>

// What a node knows of time.
struct fleet_time {
    int64_t utc_ns; // since 1970
    int64_t now_ns; // monotonic
    bool synchronised;
};

// All zero at first.
struct fleet_steps {
    bool has_period;
    int64_t period;  // where UTC is, as far as it can be trusted
    uint32_t keep;   // of the set in use
    struct key kept; // sealed before a jump; zero unless has_kept
    bool has_kept;
    int64_t kept_until;     // the first period without it
    int64_t offset_ns;      // UTC minus monotonic time at the last step
    int64_t doubt_until_ns; // monotonic: the clock was stepped, and is not judged yet
};

// A step. fresh: the document is another one than at the last step. Returns true with the new set
// in *set, which is otherwise left alone; *set is the set in use, and before the first step it has
// no keys. False is also returned when OpenSSL fails (*failed is set): the set in use stays, and
// the next step tries again.
bool fleet_step(struct fleet_steps *steps, const struct fleet_document *document, bool fresh,
                uint32_t keep, const struct fleet_time *time, struct key_set *set, bool *failed);

// The ids of periods before and after those of the set in use; KEY_HINT_IDS of each kind. False:
// OpenSSL failed.
bool fleet_step_hints(const struct fleet_steps *steps, const struct fleet_document *document,
                      struct key_hints_record *hints);

// When the period after the one in use begins, in UTC nanoseconds; INT64_MAX: never, it is the
// document's last one.
int64_t fleet_step_due(const struct fleet_steps *steps, const struct fleet_document *document);
