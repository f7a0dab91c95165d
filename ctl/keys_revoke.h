// `noonmarkctl keys revoke`. One thread.
#pragma once

#include "ctl/command.h"

// Says what a revocation will cost, asks, and has the server revoke. Returns the exit status.
int keys_revoke(const struct call *call);
