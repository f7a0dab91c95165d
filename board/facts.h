// What control alone knows, and what is no secret: the time source's verdict, the ages of the keys.
// Control writes it to a side of the board of its own, so that the metrics' process, which faces
// strangers, can read it without a descriptor of the keyring.
#pragma once

#include "base/bounds.h"
#include "board/snapshot.h"

#include <assert.h>
#include <stdint.h>

// The reasons why a clock is unhealthy.
enum fact_reason {
    FACT_STEPPED,
    FACT_CONTRADICTED,
    FACT_STALE,
    FACT_UNSYNCHRONISED,
    FACT_ERROR,
    FACT_REASONS,
};

enum fact_role { FACT_KEY_CURRENT, FACT_KEY_FUTURE, FACT_KEY_OLD, FACT_ROLES };

#define FACT_UNKNOWN INT64_MIN // of a number that is not known

enum { FACT_TEXT_LEN = 16 };

struct fact_key {
    uint32_t id;
    uint32_t role; // enum fact_role
    uint64_t age_s;
    uint64_t opened; // cookies
    uint64_t sealed;
};

// The document of a fleet, where the keys come from one.
struct fact_fleet {
    char fingerprint[FACT_TEXT_LEN]; // "9c1f0a3b", with its NUL; "": the keys are this server's own
    uint64_t serial;
    int64_t ends_s;     // when its last span ends, in Unix time
    uint64_t n_refused; // documents, since the start of control
    uint8_t refused;    // 0 or 1: the file as it is now
    uint8_t frozen;     // 0 or 1: the last span has ended
    uint8_t no_mover;   // 0 or 1: no member of etcd is named, or none since a reload
    uint8_t spare[5];
};

struct control_facts {
    int64_t error_bound_ns;          // how wrong CLOCK_REALTIME may be, all in all; or FACT_UNKNOWN
    int64_t source_offset_ns;        // the source's time minus CLOCK_REALTIME; or FACT_UNKNOWN
    int64_t source_age_ns;           // when the source said that; or FACT_UNKNOWN
    uint64_t changes;                // between healthy and unhealthy
    uint8_t healthy;                 // 0 or 1, like the other flags
    uint8_t unhealthy[FACT_REASONS]; // 1 for the reason in force
    uint8_t keys_failing;            // the last attempt to make or write keys has failed
    uint8_t smear_lost;              // ports that smear say LI 3: has the clock made its jump?
    uint8_t leap_list_bad;           // ports smear, and the list of leap seconds is of no use
    uint8_t spare[7];
    int64_t smear_ns;           // that they add to CLOCK_REALTIME; or FACT_UNKNOWN: no port smears
    char source[FACT_TEXT_LEN]; // "chronyd"; with its NUL, as the next one
    char reference[FACT_TEXT_LEN]; // "GPS", "192.0.2.1"
    uint32_t n_keys;
    uint32_t spare_too;
    struct fact_key key[COOKIE_KEYS_MAX];
    struct fact_fleet fleet;
};
static_assert(sizeof(struct control_facts) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");
static_assert(sizeof(struct control_facts) % 8 == 0, "is made of whole words");
