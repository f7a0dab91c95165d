// What control takes from itself: core dumps, being traced, most system calls. Together with its
// own user and the absence of capabilities (the supervisor's part) this is what an attacker finds
// who has got hold of this process.
//
// Main thread; process-wide effects.
#pragma once

// After start-up, all threads at once: from now on only the system calls of the list in confine.c
// are allowed, and any other ends the process (the supervisor starts it anew). 0 or -errno.
int confine_system_calls(void);
