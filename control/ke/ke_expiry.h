// Says in the log that a served certificate expires: 30, 14 and 7 days before, then once a day, as
// an error in the last week and afterwards. What is near at the start is said by tls_chain.h. Main
// thread.
#pragma once

#include "board/board.h"

#include <stdint.h>

// All zero at the start.
struct ke_expiry {
    int64_t expires_s[CERTIFICATES_MAX]; // of the certificates at the last look
    int32_t told[CERTIFICATES_MAX];      // how urgent they were when that was last said
};

// Looks at what the board shows; now_s in Unix time. Any number of times.
void ke_expiry_look(struct ke_expiry *expiry, const struct board_ke *board, int64_t now_s);
