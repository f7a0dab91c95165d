// What --check-config looks at for keys.fleet.etcd. Single-threaded.
#pragma once

#include "config/config.h"
#include "supervisor/privilege.h"

#include <stdbool.h>

// Is the program there, and can control's user read each file that keys.fleet names, and write into
// the document's directory? Secrets must not be others' to read. False: a fault, each logged.
bool etcd_look(const struct config *config, const struct user *control);
