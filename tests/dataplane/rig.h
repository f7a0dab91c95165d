// A core with a port in memory. The test publishes clock and keys in place of control.
#pragma once

#include "dataplane/core.h"
#include "tests/dataplane/client.h"
#include "tests/dataplane/memory_port.h"

struct rig {
    struct snapshot keyring;
    struct snapshot ntp_state;
    struct snapshot stamps;
    struct core_counters counters;
    struct key_counters key_counters;
    struct keyring_record ring; // what rig_publish publishes
    struct ntp_state state;     // likewise
    struct port *port;
    struct core core;
};

// The variant of that name; "auto" is the one that NOONMARK_CRYPTO names, where it does, and else
// the fastest. NULL when there is none, or when this machine cannot run it.
const struct exchange_variant *rig_variant(const char *name);

// Whether NOONMARK_CRYPTO names a variant that this machine cannot run; then says so in TAP. A
// main() of tests that open "auto" returns 0 on it.
bool rig_skips(void);

// Three keys of which the second seals; a clock of stratum 1 that stands still at 0xe8000000.8 and
// never ages, so that two runs are alike; a generator seeded with zeros; rig_variant(variant).
struct rig *rig_open(const char *variant, const struct address_set *ours);
void rig_close(struct rig *rig);

// The same without keys, clock and seed: what a core is before control has come up.
struct rig *rig_open_bare(const char *variant, const struct address_set *ours);
void rig_publish_keys(struct rig *rig);
void rig_publish_state(struct rig *rig);
void rig_seed(struct rig *rig);

// Sends an NTP packet in a frame of that shape and runs one turn. The reply's NTP octets go to
// reply (room for PACKET_MAX), its length is returned; 0 when there is none. Checks the frame
// around the reply, that the sums agree, and that nothing stays lent.
uint32_t rig_ask_in(struct rig *rig, const struct frame_shape *shape, const struct packet *ntp,
                    uint8_t *reply);
uint32_t rig_ask(struct rig *rig, const struct packet *ntp, uint8_t *reply);

// How often a frame ended so.
uint64_t rig_count(const struct rig *rig, enum outcome outcome);

// P8: is every received frame in exactly one counter and every NAK under one cause, and nothing
// lent?
bool rig_sums_agree(const struct rig *rig);
