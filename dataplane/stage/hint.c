#include "dataplane/stage/hint.h"

#include "base/bytes.h"
#include "board/key_hints.h"

void hint(struct batch *batch, lane_set unknown, const struct snapshot *hints)
{
    struct key_hints_record record = {0};
    uint64_t seen;

    // A record that is being written is not waited for: then there is no hint.
    if (hints != NULL && unknown != 0 && !snapshot_read(hints, &record, sizeof record, &seen))
        record = (struct key_hints_record){0};
    while (unknown != 0) {
        const unsigned i = lane_take(&unknown);
        const uint8_t *cookie =
            batch_request(batch, i) + batch->fields[i].cookie.at + FIELD_HEADER_LEN;
        batch->hint[i] = (uint8_t)key_hints_find(&record, be32_get(cookie));
    }
}
