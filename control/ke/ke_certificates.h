// The certificates of a configuration: their names for TLS, and what the board shows of them. Main
// thread.
#pragma once

#include "board/board.h"
#include "config/config.h"
#include "control/ke/tls_names.h"
#include "control/ke/tls_pair.h"

#include <stdint.h>

// Fills in the pairs that a configuration names; fd: chain and key of each. shown, one for each,
// zeroed, may be NULL. Returns their number.
uint32_t ke_certificates_name(const struct config *config, const int *fd,
                              struct board_certificate *shown,
                              struct tls_pair pairs[CONFIG_CERTIFICATES_MAX]);

// The names that a configuration wants of them, which live as long as it does.
struct tls_names ke_certificates_names(const struct config *config);

// Adds their names, and shows them on the board.
void ke_certificates_show(struct board_ke *board, const struct config *config,
                          struct board_certificate *certificate);
