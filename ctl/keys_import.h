// `noonmarkctl keys import FILE`. One thread.
#pragma once

#include "ctl/command.h"

// Reads chronyd's file of keys and has the server take them. Returns the exit status.
int keys_import(const struct call *call);
