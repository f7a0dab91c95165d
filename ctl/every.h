// Every command: each is defined in the file of its name.
#pragma once

#include "ctl/command.h"

extern const struct command command_status;
extern const struct command command_clock;
extern const struct command command_ports;
extern const struct command command_keys;
extern const struct command command_ke;
extern const struct command command_limits;
extern const struct command command_top;
extern const struct command command_reload;
extern const struct command command_doctor;
extern const struct command command_drain;
