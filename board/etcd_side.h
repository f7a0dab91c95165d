// The side of the board that the mover by etcd writes alone: how it fares. No secret. Read by the
// supervisor (the heartbeat), control (status) and metrics.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum etcd_counter {
    ETCD_READS,     // answers to a read
    ETCD_TAKEN,     // documents that went into the file
    ETCD_APPENDED,  // appends of this node that etcd took
    ETCD_LOST,      // appends that came after another node's
    ETCD_UNREACHED, // requests to a member without an answer
    ETCD_AWAY,      // that a member could not answer then: no leader, too busy
    ETCD_REFUSED,   // that were refused: rights, password
    ETCD_STRANGE,   // whose answer was not etcd's
    ETCD_EMPTY,     // answers that the key is not there
    ETCD_UNOPENED,  // values that do not open under the fleet's secret
    ETCD_BAD,       // whose document has a fault
    ETCD_OLDER,     // whose document has a lower serial number than the file
    ETCD_OTHER,     // or the same one, and something else in it
    ETCD_FILES,     // writes of the file, or reads of the secret, that failed
    ETCD_COUNTER_COUNT,
};

struct board_etcd {
    _Atomic uint64_t version;   // set to BOARD_VERSION once the process is ready
    _Atomic uint64_t heartbeat; // monotonic ns of the last turn of its main loop
    _Atomic uint64_t starts;    // of it, this one included
    _Atomic uint64_t log_lost;  // lines of log that it lost
    _Atomic int64_t read_s;     // Unix time of the last answer to a read; 0: none yet
    _Atomic uint64_t revision;  // of the key in that answer; 0: it was not there
    _Atomic uint32_t member;    // the place in keys.fleet.etcd of the member that gave it
    _Atomic uint32_t current;   // 1: the file is what etcd has, as far as the last read tells
    _Atomic uint64_t n[ETCD_COUNTER_COUNT]; // not reset by a restart: counters only rise
};
