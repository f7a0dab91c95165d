// Runs a program and reads what it prints. Single-threaded.
#pragma once

// Runs command[0], which is looked for in PATH, with standard output
// and standard error in one pipe, for some seconds at most. The text, which the caller frees, and
// *status, its exit status (128 and more: a signal ended it); NULL: it could not be run, or was
// cut.
char *run_and_read(const char *const *command, int *status);
