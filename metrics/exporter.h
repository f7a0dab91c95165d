// The door of the metrics' process. It serves /metrics to strangers' programs, and holds nothing
// that is secret: the sides of the board without keys, read-only, and a listening socket.
#pragma once

// Runs until SIGTERM or the end of the link. The exit status.
int exporter_main(void);
