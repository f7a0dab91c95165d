// The tester's DPDK port: one device with all its queues; frames.h sends and receives its frames.
// No DPDK type is visible outside of this header. One thread opens and closes it. Between, another
// thread may use its queues, after tester_port_thread_enter.
#pragma once

#include "perf/port/frames.h"
#include "perf/port/replies.h"

#include <stdbool.h>
#include <stdint.h>

struct tester_port;

// Starts DPDK and opens the device: a network interface, or a DPDK device ("net_...,..."). cpu is
// the CPU of the thread that polls it: DPDK moves the calling thread to other CPUs if there are
// any. As root it first detaches the XDP program that a crashed tester left on the interface. 0, or
// -errno with one logged line, and then nothing remains open but DPDK itself, which starts only
// once in a process.
int tester_port_open(const char *device, bool is_interface, uint32_t cpu,
                     struct tester_port **port);

// Sets the rule of the interface's XDP program; before that it takes no packet. Does nothing for
// other devices. 0 or -errno, logged.
int tester_port_take(const struct tester_port *port, const struct replies_rule *rule);

// Its queues; they live as long as the port.
struct frames_queue *tester_port_queues(struct tester_port *port, uint32_t *n);

bool tester_port_link_up(const struct tester_port *port);
void tester_port_mac(const struct tester_port *port, uint8_t mac[6]);
const char *tester_port_driver(const struct tester_port *port);

// Frames that the device lost before they were received.
uint64_t tester_port_missed(const struct tester_port *port);

// Registers the calling thread with DPDK. Each thread that uses queues must be registered; the
// thread that opened the port is. 0 or -errno.
int tester_port_thread_enter(void);

// Closes the device, which detaches its XDP program, and ends DPDK. The queues must no longer be in
// use. Accepts NULL.
void tester_port_close(struct tester_port *port);
