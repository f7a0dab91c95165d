// The files that the supervisor opens or makes for its children, and the configuration as a memfd.
// Failures are logged here. Single-threaded.
#pragma once

#include "config/config.h"
#include "supervisor/privilege.h"

// The configuration in force as a sealed memfd. Returns the descriptor or -errno.
int files_config(const struct config *config);

// Opens a descriptor's file again, read-only, with a file offset of its own. Returns the descriptor
// or -errno.
int files_reopen(int fd);

// Opens a certificate chain or a key, read-only; key ("chain" or "key") is for messages. Returns
// the descriptor or -errno.
int files_open_certificate(const char *path, const char *key);

// Makes the directory of the cookie keys' file, mode 0700 for control's user, if it is missing. An
// existing directory must belong to that user and be writable by nobody else. 0 or -errno.
int files_key_directory(const char *file, const struct user *control);

// Would files_key_directory succeed? Changes nothing. 0 or -errno, logged likewise.
int files_look_key_directory(const char *file, const struct user *control);
