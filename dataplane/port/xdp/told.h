// The replies of a queue that are sent with metadata: those whose departure the device is to tell,
// and bursts that it is to let go at a time. One core, without locks; queue.c calls the functions
// that begin with told_, and they are in its calls.
#pragma once

#include "dataplane/port/xdp/queue.h"

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdint.h>

struct tx_stamps;

enum { TOLD_GAP_MS = 100 }; // from sample to sample (port_sampled)

// See struct port_calls.
unsigned told_room(const struct port *port);
bool told_send(struct port *port, struct burst *burst, unsigned lane);
unsigned told_departures(struct port *port, struct port_departure *out, unsigned most);
int told_sampled(struct port *port, uint64_t *own);

// Readies the n replies of a burst, n > 0, of a queue with stamps: tells the device of the burst's
// launch time, and asks for a sample if one is due. Returns the index of the sampled reply; n:
// none.
uint16_t told_prepare(struct queue *queue, struct burst *burst, struct xdp_desc *reply, uint16_t n);

// All of them were sent, the sampled one too.
void told_note_sample(struct queue *queue, struct burst *burst, const struct xdp_desc *sampled);
