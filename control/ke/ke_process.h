// The entry point of ke: NTS-KE in a process of its own, the only process that parses what clients
// send over TCP and TLS. It reads the keyring from the board and writes only its own side. Runs as
// control.user with no capability, with the descriptors of link/handover.h.
#pragma once

#include "config/config.h"

#include <stdbool.h>

// For a check of the configuration: examines its certificates as a start would. fd: chain and key
// of each; a pair with -1 is left out. False with each fault logged.
bool ke_process_check(const struct config *config, const int *fd);

// Runs until the link ends or SIGTERM. The exit status.
int ke_process_main(void);

// For --version: OpenSSL's version.
const char *ke_process_openssl_version(void);
