// The door of the mover's process. Its only product is the file keys.fleet.file, which control
// watches like any other mover's. It has no cookie key mapped; but the document that it moves is
// what the fleet's cookie keys are derived from.
#pragma once

// Runs until SIGTERM or the end of the link. The exit status.
int mover_main(void);
