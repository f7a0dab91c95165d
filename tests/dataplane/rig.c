// A core on a port of memory.
#include "tests/dataplane/rig.h"

#include "tests/dataplane/policy_123.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct exchange_variant *rig_variant(const char *name)
{
    const char *forced = getenv("NOONMARK_CRYPTO");
    return exchange_variant_named(AEAD_SIV_CMAC_256,
                                  forced != NULL && strcmp(name, "auto") == 0 ? forced : name);
}

bool rig_skips(void)
{
    if (rig_variant("auto") != NULL)
        return false;
    const char *forced = getenv("NOONMARK_CRYPTO");
    for (const struct exchange_variant *const *v = exchange_variants[AEAD_SIV_CMAC_256]; *v != NULL;
         v++)
        if (strcmp((*v)->name, forced) == 0) {
            printf("1..0 # SKIP %s: this processor or its kernel lacks the instructions\n", forced);
            return true;
        }
    return false; // no variant's name: rig_open fails
}

void rig_publish_keys(struct rig *rig)
{
    keyring_publish(&rig->keyring, &rig->ring);
}

void rig_publish_state(struct rig *rig)
{
    ntp_state_publish(&rig->ntp_state, &rig->state);
    // A time that stands still, or runs in ticks of 2^-32 s, is none that a reader of the board
    // takes.
    rig->core.state.seen = rig->ntp_state.sequence;
    rig->core.state.state = rig->state;
}

void rig_seed(struct rig *rig)
{
    static const uint8_t seed[RNG_SEED_LEN];
    rng_reseed(&rig->core.rng, seed);
}

struct rig *rig_open_bare(const char *variant, const struct address_set *ours)
{
    struct rig *rig = aligned_alloc(64, (sizeof *rig + 63) / 64 * 64);
    assert(rig != NULL);
    memset(rig, 0, sizeof *rig);
    rig->ring = client_ring(3, 1);
    rig->state = (struct ntp_state){
        .line = {.utc_base = UINT64_C(0xe800000080000000), .rate = 0},
        .tsc_hz = UINT64_C(1) << 62,
        .void_after = UINT64_C(1) << 62,
        .reference_time = UINT64_C(0xe7ffffff00000000),
        .root_delay = 7,
        .root_dispersion = 11,
        .reference_id = UINT32_C(0x47505300),
        .leap = LEAP_NONE,
        .stratum = 1,
        .precision = -24,
        .serving = 1,
    };
    rig->port = memory_port_open(ours);
    core_open(&rig->core, &(struct core_setup){
                              .port = rig->port,
                              .keyring = &rig->keyring,
                              .ntp_state = &rig->ntp_state,
                              .stamps = &rig->stamps,
                              .counters = &rig->counters,
                              .key_counters = &rig->key_counters,
                              .kernels = {{rig_variant(variant)}},
                              .policy = &policy_123,
                          });
    assert(rig->core.is.kernels.of[AEAD_SIV_CMAC_256] != NULL);
    return rig;
}

struct rig *rig_open(const char *variant, const struct address_set *ours)
{
    struct rig *rig = rig_open_bare(variant, ours);
    rig_publish_keys(rig);
    rig_publish_state(rig);
    rig_seed(rig);
    return rig;
}

void rig_close(struct rig *rig)
{
    if (rig == NULL)
        return;
    core_close(&rig->core);
    memory_port_close(rig->port);
    free(rig);
}

uint64_t rig_count(const struct rig *rig, enum outcome outcome)
{
    return rig->counters.outcome[outcome];
}

bool rig_sums_agree(const struct rig *rig)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < OUTCOMES; i++)
        sum += rig_count(rig, i);
    uint64_t naks = 0;
    for (unsigned i = 0; i < NAK_CAUSES; i++)
        naks += rig->counters.nak[i];
    return sum == rig->counters.frames_received && naks == rig_count(rig, ANSWERED_NAK) &&
           memory_port_lent(rig->port) == 0;
}

uint32_t rig_ask_in(struct rig *rig, const struct frame_shape *shape, const struct packet *ntp,
                    uint8_t *reply)
{
    struct packet frame = frame_around(shape, ntp->at, ntp->len);
    assert(memory_port_push(rig->port, frame.at, frame.len));
    assert(core_turn(&rig->core));
    assert(rig_sums_agree(rig));

    uint8_t out[UINT16_MAX];
    uint32_t len = memory_port_take(rig->port, out, NULL);
    if (len == 0)
        return 0;
    uint32_t headers = frame.len - ntp->len;
    assert(len >= headers + 48 && len <= frame.len);
    assert(frame_sums_hold(out, len));
    assert(memcmp(out, frame.at + 6, 6) == 0 && memcmp(out + 6, frame.at, 6) == 0);
    memcpy(reply, out + headers, len - headers);
    return len - headers;
}

uint32_t rig_ask(struct rig *rig, const struct packet *ntp, uint8_t *reply)
{
    return rig_ask_in(rig, &frame_default, ntp, reply);
}
