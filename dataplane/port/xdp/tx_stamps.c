#include "dataplane/port/xdp/tx_stamps.h"

#include "base/now.h"
#include "base/tsc.h"
#include "dataplane/port/xdp/tx_metadata.h"

#include <assert.h>
#include <string.h>

static uint8_t *place_of(struct tx_stamps *stamps, uint32_t offset)
{
    return &stamps->place[offset / SOCKET_FRAME_LEN % SOCKET_FRAMES];
}

void tx_stamps_sent(struct tx_stamps *stamps, uint32_t offset, uint64_t ticket, uint64_t began,
                    bool sample)
{
    assert(tx_stamps_room(stamps) > 0);
    lane_set free = ~(stamps->waiting | stamps->back);
    const unsigned at = lane_take(&free);
    stamps->of[at] =
        (struct tx_stamp){.ticket = ticket, .began = began, .sent_ns = now_ns(), .offset = offset};
    stamps->waiting |= lane_bit(at);
    stamps->unread |= lane_bit(at);
    if (sample)
        stamps->sample = lane_bit(at);
    *place_of(stamps, offset) = (uint8_t)(at + 1);
}

void tx_stamps_back(struct tx_stamps *stamps, const uint8_t *umem, uint32_t offset)
{
    uint8_t *place = place_of(stamps, offset);
    if (*place == 0)
        return;
    const unsigned at = *place - 1U;
    const lane_set bit = lane_bit(at);
    struct tx_metadata metadata;
    memcpy(&metadata, umem + offset - sizeof metadata, sizeof metadata);
    stamps->of[at].stamp = (stamps->doubted & bit) != 0 ? 0 : metadata.stamp;
    stamps->waiting &= ~bit;
    stamps->unread &= ~bit;
    stamps->doubted &= ~bit;
    stamps->back |= bit;
    *place = 0;
}

// A frame that has not come back in time counts as one without a stamp.
static void give_up(struct tx_stamps *stamps)
{
    const uint64_t now = now_ns();
    for (lane_set rest = stamps->waiting; rest != 0;) {
        const unsigned at = lane_take(&rest);
        if (now - stamps->of[at].sent_ns <= (uint64_t)TX_STAMPS_LOST_MS * NOW_NS_PER_MS)
            continue;
        *place_of(stamps, stamps->of[at].offset) = 0;
        stamps->waiting &= ~lane_bit(at);
        stamps->unread &= ~lane_bit(at);
        stamps->doubted &= ~lane_bit(at);
        stamps->back |= lane_bit(at);
    }
}

unsigned tx_stamps_tell(struct tx_stamps *stamps, struct port_departure *out, unsigned most)
{
    unsigned n = 0;
    if ((stamps->waiting & ~stamps->sample) != 0 && (stamps->back & ~stamps->sample) == 0)
        give_up(stamps);
    const uint64_t now = tsc_now();
    for (lane_set rest = stamps->back & ~stamps->sample; rest != 0 && n < most;) {
        const unsigned at = lane_take(&rest);
        const struct tx_stamp *stamp = &stamps->of[at];
        out[n++] = (struct port_departure){
            .ticket = stamp->ticket,
            .known = stamp->stamp != 0,
            .hardware = stamp->stamp != 0,
            .stamp = stamp->stamp,
            .began = stamp->began,
            .tsc = now,
        };
        stamps->back &= ~lane_bit(at);
    }
    return n;
}

int tx_stamps_sampled(struct tx_stamps *stamps, uint64_t *own)
{
    if (stamps->sample == 0)
        return -1;
    if ((stamps->back & stamps->sample) == 0)
        give_up(stamps);
    if ((stamps->back & stamps->sample) == 0)
        return 0;
    lane_set sample = stamps->sample;
    const uint64_t stamp = stamps->of[lane_take(&sample)].stamp;
    stamps->back &= ~stamps->sample;
    stamps->sample = 0;
    if (stamp == 0)
        return -1;
    *own = stamp;
    return 1;
}
