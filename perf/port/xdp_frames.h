// frames.h for a queue of a network interface: see there.
#pragma once

#include "perf/port/frames.h"

unsigned xdp_frames_lend(struct frames_queue *queue, struct frames *out, unsigned n);
unsigned xdp_frames_send(struct frames_queue *queue, const struct frames *out, unsigned from,
                         unsigned n);
bool xdp_frames_send_copy(struct frames_queue *queue, const uint8_t *frame, uint16_t len);
unsigned xdp_frames_receive(struct frames_queue *queue, struct frames *in);
void xdp_frames_release(struct frames_queue *queue, unsigned n);
void xdp_frames_empty(struct frames_queue *queue);
