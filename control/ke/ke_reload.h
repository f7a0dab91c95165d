// What ke takes at a reload: certificates, listeners, and the terms of its loops. The supervisor
// opens listeners of new addresses and sends them with the configuration; those of addresses that
// stay are kept.
//
// Main thread.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "control/ke/ke.h"
#include "control/ke/ke_lists.h"
#include "control/ke/ke_pool.h"
#include "control/ke/tls.h"
#include "link/child_reload.h"

#include <stdint.h>

struct ke_reload {
    struct config *config; // in force; what follows is not owned either
    struct tls *tls;
    struct ke *ke;
    struct board_ke *board;
    struct ke_lists lists;           // owned
    struct ke_tokens *tokens;        // owned: of pools; NULL: no pool
    int listener[CONFIG_LISTEN_MAX]; // by the configuration's order
    struct child_reload child;

    // Prepared, and not decided yet.
    struct config *fresh;
    SSL_CTX *context; // NULL: the certificates stay
    struct board_certificate shown[CONFIG_CERTIFICATES_MAX];
    struct ke_terms *terms;
    struct ke_lists fresh_lists;
    struct ke_tokens *fresh_tokens; // with files, which have come
    bool has_files;
    int fresh_listener[CONFIG_LISTEN_MAX]; // kept ones too, by the new configuration's order
};

// given: the first six. The listeners have the numbers of the handover.
void ke_reload_open(struct ke_reload *reload, const struct ke_reload *given);

// After ke has been closed.
void ke_reload_close(struct ke_reload *reload);
