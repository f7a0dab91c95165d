// What the doctor looks at. Every finding is a function of a struct machine alone: it reads files
// below `root`, and the other members were filled in before (ctl/doctor/look.h). So a test can make
// any machine. Single-threaded.
#pragma once

#include "base/bounds.h"
#include "config/config.h"
#include "ctl/doctor/nic.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>
#include <sys/types.h>

struct machine {
    const char *root; // stands before /proc, /sys and /run: "" for the real ones
    bool is_root;     // this user sees all
    const char *config_path;
    const struct config *config; // NULL: there is none
    const char *config_fault;    // why not
    bool config_hidden;          // this user may not read it

    // The running server; NULL and 0 when none answers.
    const char *server_fault; // why none answers
    json_t *status, *clock;   // freed by machine_forget
    pid_t supervisor;

    struct nic nic[CONFIG_PORTS_MAX]; // of config's ports that are interfaces, by their number

    bool timex_known;
    struct timex timex;
    int timex_state; // what adjtimex returned: TIME_OK, TIME_INS, ..., TIME_ERROR

    const char *release; // the kernel's, as uname tells it
    const char *rules;   // of the firewall, as nft or iptables-save list them; NULL: not known

    // What noonmarkd --check-config printed, line by line; NULL: it could not be run.
    const char *check;
    int check_status; // its exit status
    const char *check_fault;
};

// Reads a file below root, named as by printf, into text, with a NUL at its end and no newline
// before that. The length, or -errno with an empty text. Longer files are cut.
__attribute__((format(printf, 4, 5))) int machine_read(const struct machine *m, char *text,
                                                       size_t size, const char *format, ...);

// The same for a number.
__attribute__((format(printf, 3, 4))) int machine_number(const struct machine *m, int64_t *number,
                                                         const char *format, ...);

// Is there a process of that name?
bool machine_runs(const struct machine *m, const char *name);

// Does a list of CPUs as the kernel writes it ("0-3,8") name this one? "" names none.
bool cpu_list_has(const char *list, unsigned cpu);

// The configuration's cores as such a list.
void cpu_list_of_cores(const struct config *config, char *text, size_t size);

// The CPUs of list that are none of the cores, as such a list.
void cpu_list_without_cores(const struct config *config, const char *list, char *text, size_t size);

// The object of a port in status or clock; NULL: there is none.
const json_t *machine_port(const json_t *object, const char *name);
