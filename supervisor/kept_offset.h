// What is known of steps of the system's clock (board/wall_offset.h), carried over a restart in a
// memory file that the service manager keeps beside the sockets: without it the next dataplane
// could believe no stamp of a request that has waited in a kept socket, and would drop it. The file
// has these few numbers and no secret; no child has it. Single-threaded.
#pragma once

#include "board/wall_offset.h"

#include <stdbool.h>

// An empty one. The descriptor or -errno.
int kept_offset_make(void);

// False: nothing is known, or it cannot be true. *offset then stays as it is.
bool kept_offset_read(int fd, struct wall_offset *offset);

// Best effort: what is not written is not known later.
void kept_offset_write(int fd, const struct wall_offset *offset);
