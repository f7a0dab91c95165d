// The sources whose requests the limits of a core have refused last, for noonmarkctl limits. Not
// all of them: one request in LIMITED_SAMPLE is noted, and a core keeps LIMITED_SOURCES sources,
// those noted last.
//
// Writer: the core's thread. Readers: control, at any time. Each entry has a sequence, which is odd
// while it is written; a reader leaves out such an entry.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIMITED_SOURCES = 32, LIMITED_SAMPLE = 64 };

// Which limit.
enum limited_by { LIMITED_PLAIN, LIMITED_SESSION, LIMITED_NAK, LIMITED_OVERLOAD, LIMITED_KINDS };

struct limited_source {
    uint64_t prefix; // IPv4: the address; IPv6: the first 64 bits of it
    uint64_t v6;     // 1: IPv6
    uint64_t by;     // enum limited_by
    uint64_t n;      // refused requests since the source was first noted, about
    uint64_t tsc;    // when the last of them was noted
};

struct limited_entry {
    _Atomic uint64_t sequence; // 0: unused
    _Atomic uint64_t word[sizeof(struct limited_source) / sizeof(uint64_t)];
};

struct limited_sources {
    struct limited_entry entry[LIMITED_SOURCES];
};

// Notes `n` refused requests of the source, whose n is ignored.
void limited_note(struct limited_sources *sources, const struct limited_source *source, uint64_t n);

// Copies the entries that are in use; returns their number. Values may be out of range: the other
// process wrote them.
size_t limited_read(const struct limited_sources *sources,
                    struct limited_source out[LIMITED_SOURCES]);
