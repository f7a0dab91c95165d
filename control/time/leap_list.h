// The list of leap seconds that the IERS publishes, as tzdata installs it: leap-seconds.list. Each
// line is the time from which a difference of TAI and UTC holds, in seconds since 1900, and that
// difference; "#@" is when the list expires. It is known half a year ahead and the same on every
// host, so that a smear needs no memory of its own: servers that are restarted, and servers beside
// it, smear alike.
//
// The parser is pure. A thread of its own reads the file, because a disk may hang.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEAP_LIST_LEN = 65536, // octets of a file; longer ones are refused
    LEAP_LIST_LAST = 4,    // the last leap seconds are enough: a smear lasts a day
    LEAP_LIST_LOOK_S = 600,
};

struct leap_second {
    int64_t at_s; // Unix time of the first second behind it: a midnight
    int64_t by;   // +1: a second is inserted before it; -1: deleted
};

struct leap_list {
    int64_t expires_s; // Unix time
    int64_t n;
    struct leap_second leap[LEAP_LIST_LAST]; // in order
    int64_t fault;                           // of the last attempt to read it: 0 or -errno
};
static_assert(sizeof(struct leap_list) % 8 == 0, "is made of whole words");

// Parses the text of a file. False, with *list unchanged, unless it has an expiry and its lines are
// in order, at midnights, a second apart.
bool leap_list_parse(const char *text, size_t len, struct leap_list *list);

// What is wrong with a fault, for a person.
const char *leap_list_fault(int64_t fault);

struct leap_file; // the thread

// Reads the file at once, which may wait for the disk, and starts the thread. 0 or -errno; a file
// that cannot be read is no fault of this call. path outlives it.
int leap_file_open(const char *path, struct leap_file **file);

// The list as it was last read well, and the fault of the last attempt. Of control's main thread.
// True when that has changed since the last call.
bool leap_file_take(struct leap_file *file, struct leap_list *list);

// Does not wait for the thread, which may hang on a disk: it ends with the process.
void leap_file_close(struct leap_file *file);
