// What --check-config and a reload look at for keys.fleet.etcd. Single-threaded.
#pragma once

#include "config/config.h"
#include "supervisor/privilege.h"

#include <stdbool.h>

// Can control's user read each file that keys.fleet names, and write into the document's directory?
// Secrets must not be others' to read, and the seal must be one. False: a fault, each logged.
bool etcd_look_files(const struct config *config, const struct user *control);

// The same, and is the program there?
bool etcd_look(const struct config *config, const struct user *control);
