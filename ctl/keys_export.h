// `noonmarkctl keys export FILE`. One thread.
#pragma once

#include "ctl/command.h"

// Makes keys in the form of chronyd's, writes them to a file, and has the server seal with them.
// Returns the exit status.
int keys_export(const struct call *call);
