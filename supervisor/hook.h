// The program of `time.hook`: run when control says that the clock has become healthy or unhealthy,
// with that state as its arguments ("healthy", or "unhealthy" and the reason), and with "draining"
// before a planned stop. It takes a route of an anycast address back, or pages somebody.
//
// It runs as root, because that needs rights, with HOOK_RIGHTS alone; control, which is trusted
// less, chooses nothing but one of a few words. At most one runs at a time: of the states that come
// meanwhile the newest is told next, if it is another one than the hook was told last. Never waits.
// Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    HOOK_LIMIT_MS = 10000, // then it is killed, with all processes that it has started
    HOOK_STATE_MAX = 32,   // octets of a state, with its NUL
};

struct hook {
    const char *path; // "": there is none; not owned
    pid_t pid;        // 0: none runs
    bool killed;
    uint64_t since_ms;
    char told[HOOK_STATE_MAX];   // what the last run was told; "": none ran yet
    char wanted[HOOK_STATE_MAX]; // what the next one is to be told; "": nothing
    bool draining;               // and told so; health waits
    char health[HOOK_STATE_MAX]; // what control said last; "": nothing yet
    bool former;                 // the one that runs was the hook before a reload
};

// Checks that the program can be run: an executable file of root's, in directories of root's, which
// nobody else can write to (in a directory with the sticky bit others can, but not replace it).
// Symbolic links are followed. True, or false with the fault logged; "" is true.
bool hook_look(const char *path);

// Control says that this is the state: runs the hook, if it is another one. False: it is no state.
bool hook_state(struct hook *hook, const char *state, uint64_t now_ms);

// The server is going to be stopped: runs the hook with "draining", and keeps control's states
// until hook_resume, which runs it with the newest one.
void hook_drain(struct hook *hook, uint64_t now_ms);
void hook_resume(struct hook *hook, uint64_t now_ms);

// Another program is the hook from now on, or none; one that runs ends by itself. The new one is
// told the state, as at a start.
void hook_replace(struct hook *hook, const char *path, uint64_t now_ms);

// A process has ended. True when it was the hook.
bool hook_ended(struct hook *hook, pid_t pid, int status, uint64_t now_ms);

// Kills it when it has run for too long.
void hook_tick(struct hook *hook, uint64_t now_ms);

// The time of the next action of hook_tick; UINT64_MAX: none.
uint64_t hook_due_ms(const struct hook *hook);
