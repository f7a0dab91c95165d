// When cookie keys are made, written, put into use and wiped, as one pure step: from the set in
// use, the monotonic time and what has happened to what is to be done. RFC 8915, section 6;
// checklist CK-5 to CK-7; faults, F12. No clock, no store, no random octets, no log: keys.c does
// what the step says, and tells it how that went.
//
// A set is durable before it is put into use. While the store fails, the set in use goes on, and
// each minute there is a new attempt. A day after a rotation was due it comes all the same, with an
// alarm: what then seals is the future key that the store holds already, so even a restart loses
// nothing yet.
//
// Ages are monotonic; a step of the calendar moves nothing. They are stored now and then, so that
// an age outlives a reboot too; time that the machine was off does not count. When time jumps
// ahead, one rotation follows, not several.
//
// A struct rotation holds no key. One thread.
#pragma once

#include "control/keys/key_set.h"

#include <stdbool.h>
#include <stdint.h>

// What has happened.
enum rotation_event {
    // At the start, one of them: what the store held.
    ROTATION_FOUND,     // the set in use
    ROTATION_FOUND_OLD, // likewise, but the store has to get it again
    ROTATION_FOUND_NONE,

    ROTATION_TIME,        // it is later, or what the step said last is done
    ROTATION_MADE,        // the keys that it asked for
    ROTATION_NOT_MADE,    // there were no random octets for them
    ROTATION_WRITTEN,     // what was handed to the store is durable
    ROTATION_NOT_WRITTEN, // it may not be
    ROTATION_CLOSE,       // the end, while serving
};

// What is to be done.
enum rotation_task {
    ROTATION_WAIT,       // nothing: step again at until_ns, or earlier
    ROTATION_AWAIT,      // wait for the store's answer; nobody is served by this thread now
    ROTATION_MAKE_FIRST, // make a set of new keys: the set in use. Then MADE or NOT_MADE
    ROTATION_MAKE_NEXT,  // make the set that follows it. Then MADE or NOT_MADE
    ROTATION_WRITE,      // hand the set in use to the store. Then TIME
    ROTATION_WRITE_NEXT, // hand it the next set, whose future key is new from now on. Then TIME
    ROTATION_ADOPT,      // put the next set into use: publish it, wipe the one before. Then TIME
    ROTATION_FORCE, // likewise, with an alarm: it is not durable. Its future key is new from now on
    ROTATION_GIVE_UP, // there are no keys, or none that the next start would know
    ROTATION_END,     // it is closed
};

struct rotation_action {
    enum rotation_task task;
    int64_t until_ns; // of ROTATION_WAIT
};

enum rotation_phase {
    ROTATION_READING,  // nothing has happened yet
    ROTATION_FOUNDING, // there was no set: the first one is made and written
    ROTATION_SERVING,
    ROTATION_CLOSING, // what is under way is waited for
    ROTATION_ENDING,  // the ages are stored for the last time
};

// Zero but for rotate_ns at first. Only the step writes it.
struct rotation {
    int64_t rotate_ns; // from one rotation to the next
    enum rotation_phase phase;
    uint64_t writing; // generation of the set that the store is writing; 0: none
    bool making;      // keys were asked for: MADE or NOT_MADE comes next
    bool next_made;   // there is a next set
    bool unsaved;     // the store does not hold the set in use
    bool failing;     // the last attempt to make or write keys failed
    bool overdue;     // a rotation is due, since overdue_ns or longer
    int64_t overdue_ns;
    int64_t try_ns;        // nothing is made or written before
    int64_t ages_saved_ns; // when the store last got the ages
};

// set is the one in use; it is not read before there is one. now_ns is CLOCK_MONOTONIC.
struct rotation_action rotation_step(struct rotation *rotation, const struct key_set *set,
                                     enum rotation_event event, int64_t now_ns);
