// The tester's DPDK port: one device with all its queues, whose frames frames.h moves. No DPDK type
// passes this header.
//
// One thread opens and closes it. Another one may use its queues in between, after
// tester_port_thread_enter.
#pragma once

#include "perf/port/frames.h"
#include "perf/port/replies.h"

#include <stdbool.h>
#include <stdint.h>

struct tester_port;

// Starts DPDK and opens the device: a network interface, or a DPDK device ("net_...,..."). cpu is
// where the thread that polls it runs: DPDK moves the calling thread to other CPUs if there are
// any. As root it first detaches the XDP program that a crashed tester left on the interface. 0 or
// -errno, logged in one line, and then nothing is left behind but DPDK itself, which starts once in
// a process.
int tester_port_open(const char *device, bool is_interface, uint32_t cpu,
                     struct tester_port **port);

// Tells the interface's XDP program what to take from the kernel: nothing until then. Of another
// device nothing is to be done. 0 or -errno, logged.
int tester_port_take(const struct tester_port *port, const struct replies_rule *rule);

// Its queues; they live as long as the port.
struct frames_queue *tester_port_queues(struct tester_port *port, uint32_t *n);

bool tester_port_link_up(const struct tester_port *port);
void tester_port_mac(const struct tester_port *port, uint8_t mac[6]);
const char *tester_port_driver(const struct tester_port *port);

// Frames that were lost before anybody received them.
uint64_t tester_port_missed(const struct tester_port *port);

// DPDK must know each thread that moves frames, and knows the one that opened the port. 0 or
// -errno.
int tester_port_thread_enter(void);

// Closes the device, which detaches its XDP program, and ends DPDK. Nobody uses the queues any
// more. Takes NULL.
void tester_port_close(struct tester_port *port);
