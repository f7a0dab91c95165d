// The instance's name.
#include "dataplane/stage/identify.h"

#include <string.h>

// The reply is no longer than the request: that has a field as long as this one, and respond() has
// sent back nothing but the identifier.
void identify(struct batch *batch, lane_set lanes, const uint8_t *id)
{
    while (lanes != 0) {
        const unsigned i = lane_take(&lanes);
        if (__builtin_expect(!batch->fields[i].asks_id, true))
            continue;
        uint8_t *body = field_put(batch_reply(batch, i) + batch->ntp_len[i], FIELD_INSTANCE_ID,
                                  FIELD_INSTANCE_ID_LEN);
        memcpy(body, id, FIELD_INSTANCE_ID_LEN);
        batch->ntp_len[i] += FIELD_HEADER_LEN + FIELD_INSTANCE_ID_LEN;
    }
}
