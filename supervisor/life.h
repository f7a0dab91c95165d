// The life of one child: started, ready, ended, started again. This decides when to start; start.h
// knows how. Single-threaded.
//
//   RESTING -> STARTING -> SERVING
//                 ^  |         |
//                 |  v         |
//              WAITING <-------'     after a death, until the next start is due
#pragma once

#include "supervisor/backoff.h"
#include "supervisor/descriptors.h"
#include "supervisor/heartbeat.h"

#include <stdbool.h>
#include <sys/types.h>

enum life_phase {
    LIFE_RESTING,  // not needed yet, or not any more
    LIFE_STARTING, // pid lives, and has not reported that it serves
    LIFE_SERVING,
    LIFE_WAITING, // until due_ms
};

struct life {
    const char *name; // for messages
    pid_t (*start)(const struct descriptors *h, int *link);
    enum life_phase phase;
    pid_t pid;  // 0: no process
    int link;   // the supervisor's end; -1: there is no process, or the child has closed its end
    bool muted; // the link is not read before the next life_look
    bool complained;   // a message that this process may not send has been logged
    bool served;       // has been ready at least once
    bool failed;       // ended before it ever served: noonmarkd must end
    bool stopped;      // by a signal (SIGSTOP), and not continued yet
    uint64_t since_ms; // when the current process was started
    uint64_t due_ms;   // WAITING: when to start again
    // What follows when the present process has ended, which has been killed.
    enum life_next { LIFE_NEXT_USUAL, LIFE_NEXT_AGAIN, LIFE_NEXT_REST } next;
    struct backoff backoff;
    uint32_t patience;         // checks in which its heartbeat may stand still
    uint32_t patience_stopped; // the same while a signal has stopped it
    struct heartbeat last_beat;
};

enum {
    LIFE_START_MS = 30000, // how long a start may take, until it counts as hung
    LIFE_AGAIN_MS = 1000,  // between two starts of one that asks for the next itself
};

// Starts it; a failure counts as a death.
void life_begin(struct life *l, const struct descriptors *h, uint64_t now_ms);

// It is wanted from now on, with what h holds now: ends a process that was started before, or
// starts one. Unlike at the start of noonmarkd, one that cannot start does not end all.
void life_renew(struct life *l, const struct descriptors *h, uint64_t now_ms);

// The child is no longer wanted.
void life_dismiss(struct life *l);

// The child has reported that it serves. False when it may not report that now.
bool life_serves(struct life *l, uint64_t now_ms);

// Closes the supervisor's end of the link, for a child that has ended its own.
void life_end_link(struct life *l);

// Its process has ended with status (of waitpid): logs it and decides what to do next. The caller
// has read its last messages before.
void life_ended(struct life *l, int status, uint64_t now_ms);

// Its process was stopped or continued by a signal, and lives.
void life_stopped(struct life *l, bool stopped);

// One check of its heartbeat. Kills the child when the heartbeat has stood still for too long. Ends
// muting.
void life_look(struct life *l, uint64_t heartbeat);

// Does what is due: a new start, or killing a process that hangs.
void life_tick(struct life *l, const struct descriptors *h, uint64_t now_ms);

// The time of the next action of life_tick; UINT64_MAX: none.
uint64_t life_due_ms(const struct life *l);
