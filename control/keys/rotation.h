// When cookie keys are made, written, put into use and wiped, as one pure step: its input is the
// set in use, the monotonic time and an event; its output is a task. RFC 8915, section 6; checklist
// CK-5 to CK-7; faults, F12. No clock, no store, no random octets, no log: keys.c carries out the
// task and reports the result as the next event.
//
// A set is durable before it is put into use. While the store fails, the set in use stays, and
// there is a new attempt each minute. A rotation that is a day overdue is forced, with an alarm:
// the new current key is the old future key, which the store already has, so a restart still loses
// nothing.
//
// A key that has sealed 2^44 cookies is worn: a rotation is due at once, whatever the time. Nonces
// are random, 128 bits: of 2^44 cookies of one key, two share a nonce with a chance of 2^-41.
//
// A rotation that somebody asks for is due at once. From then on it is like every other one: when
// it cannot be written it is tried again. A revocation is one as well: how the next set is made of
// the one in use is up to keys.c.
//
// Ages are monotonic; a step of the system time does not change them. They are stored from time to
// time, so that an age survives a reboot too; time while the machine was off does not count. When
// time jumps ahead, one rotation follows, not several.
//
// A struct rotation contains no key. One thread.
#pragma once

#include "control/keys/key_set.h"

#include <stdbool.h>
#include <stdint.h>

// The events.
enum rotation_event {
    // At the start, one of these: the result of reading the store.
    ROTATION_FOUND,     // the set in use
    ROTATION_FOUND_OLD, // the same, but the store must write it again
    ROTATION_FOUND_NONE,

    ROTATION_TIME,        // time has passed, or the last task is done
    ROTATION_MADE,        // the requested keys have been made
    ROTATION_NOT_MADE,    // the kernel had no random octets for them
    ROTATION_WRITTEN,     // the set given to the store is durable
    ROTATION_NOT_WRITTEN, // it may not be durable
    ROTATION_CLOSE,       // the end, while serving
    ROTATION_ASKED,       // somebody wants a rotation now; while serving, with no write under way
};

// The tasks.
enum rotation_task {
    ROTATION_WAIT,       // nothing: call the step again at until_ns, or earlier
    ROTATION_AWAIT,      // wait for the store's result; this thread serves no client now
    ROTATION_MAKE_FIRST, // make a set of new keys: the set in use. Next event: MADE or NOT_MADE
    ROTATION_MAKE_NEXT,  // make the set that follows it. Next event: MADE or NOT_MADE
    ROTATION_WRITE,      // give the set in use to the store. Next event: TIME
    ROTATION_WRITE_NEXT, // give it the next set, with its future key's age set to 0. Next event:
                         // TIME
    ROTATION_ADOPT, // put the next set into use: publish it, wipe the old one. Next event: TIME
    ROTATION_FORCE, // the same, with an alarm: it is not durable. Its future key's age is set to 0
    ROTATION_GIVE_UP, // there are no keys, or none that the next start could read
    ROTATION_END,     // the rotation is closed
};

struct rotation_action {
    enum rotation_task task;
    int64_t until_ns; // of ROTATION_WAIT
};

enum rotation_phase {
    ROTATION_READING,  // nothing has happened yet
    ROTATION_FOUNDING, // there was no set: the first one is made and written
    ROTATION_SERVING,
    ROTATION_CLOSING, // waits for the write under way
    ROTATION_ENDING,  // the ages are stored for the last time
};

enum { ROTATION_WORN_LOG2 = 44 }; // of the cookies that a key seals

// All zero at first, except rotate_ns. That and sealed may change between two steps. The step
// writes the rest, and sets sealed to 0 when another key seals.
struct rotation {
    int64_t rotate_ns; // time between two rotations
    uint64_t sealed;   // cookies by the current key, as far as known
    enum rotation_phase phase;
    uint64_t writing; // generation of the set that the store is writing; 0: none
    bool making;      // keys were requested: the next event is MADE or NOT_MADE
    bool next_made;   // there is a next set
    bool unsaved;     // the store does not have the set in use
    bool failing;     // the last attempt to make or write keys failed
    bool overdue;     // a rotation is due, since overdue_ns or longer
    int64_t overdue_ns;
    bool asked;            // a rotation is due because somebody wants it
    int64_t try_ns;        // nothing is made or written before this time
    int64_t ages_saved_ns; // when the ages were last stored
};

// Has the current key sealed as many cookies as it may?
bool rotation_is_worn(const struct rotation *rotation);

// set is the set in use; it is not read before there is one. now_ns is CLOCK_MONOTONIC.
struct rotation_action rotation_step(struct rotation *rotation, const struct key_set *set,
                                     enum rotation_event event, int64_t now_ns);
