// NTS-KE records: RFC 8915, section 4. Pure.
#pragma once

#include "tests/client/ke.h"

enum {
    RECORD_END = 0,
    RECORD_NEXT_PROTOCOL = 1,
    RECORD_ERROR = 2,
    RECORD_WARNING = 3,
    RECORD_AEAD = 4,
    RECORD_COOKIE = 5,
    RECORD_SERVER = 6,
    RECORD_PORT = 7,
};

// Takes result->response apart into the fields after it.
void records_decode(struct ke_result *result);
