// `noonmarkctl doctor`: the table of examinations, run in its order.
#pragma once

#include "ctl/doctor/finding.h"
#include "ctl/doctor/machine.h"

// Adds all findings; pure over the machine.
void doctor_examine(const struct machine *m, struct findings *list);
