// The commands about a fleet's document: keys derive, keys check, keys sum. They work on files and
// need no server.
#pragma once

// The words of command_keys that are commands of this kind.
#define KEYS_DOCUMENT_WORDS "check derive sum"

// Does the command line begin with one of them: `noonmarkctl keys check ...`? Returns its exit
// status, or -1: it does not.
int keys_document_run(int argc, char **argv);
