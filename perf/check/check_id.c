#include "perf/check/check_id.h"

#include "base/printable.h"
#include "dataplane/wire/ntp.h"
#include "perf/load/request.h"

#include <string.h>

uint16_t check_id_ask(uint8_t *request, uint16_t covered)
{
    enum { WHOLE = FIELD_HEADER_LEN + FIELD_INSTANCE_ID_LEN };
    memmove(request + covered + WHOLE, request + covered, REQUEST_NONCE_AT);
    memset(field_put(request + covered, FIELD_INSTANCE_ID, FIELD_INSTANCE_ID_LEN), 0,
           FIELD_INSTANCE_ID_LEN);
    return (uint16_t)(covered + WHOLE);
}

void check_id_find(const uint8_t *reply, uint16_t covered, char id[FIELD_INSTANCE_ID_LEN + 1])
{
    struct field_cursor cursor = field_cursor_over(reply, NTP_LEN, covered, FIELD_CLEAR_MIN);
    struct field field;
    memset(id, 0, FIELD_INSTANCE_ID_LEN + 1);
    while (field_next(&cursor, &field)) {
        if (field.type != FIELD_INSTANCE_ID || field.len != FIELD_INSTANCE_ID_LEN)
            continue;
        memcpy(id, reply + field.at + FIELD_HEADER_LEN, FIELD_INSTANCE_ID_LEN);
        printable(id, strlen(id));
        return;
    }
}
