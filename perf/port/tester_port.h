// The tester's port: a network interface or a DPDK device, with all its queues; frames.h sends and
// receives its frames. No type of DPDK or of AF_XDP is visible outside of this header. One thread
// opens and closes it. Between, another thread may use its queues, after tester_port_thread_enter.
#pragma once

#include "perf/port/frames.h"
#include "perf/port/replies.h"

#include <stdbool.h>
#include <stdint.h>

struct tester_port;

// Opens a network interface, or starts DPDK and opens a device of it ("net_...,..."). cpu is the
// CPU of the thread that polls it: the calling thread is moved to other CPUs if there are any. 0,
// or -errno with one logged line, and then nothing remains open. DPDK starts only once in a
// process.
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

// Registers the calling thread with DPDK, if that runs. Each thread that uses queues must be
// registered; the thread that opened the port is. 0 or -errno.
int tester_port_thread_enter(void);

// Closes the port, which detaches its XDP program, and ends DPDK. The queues must no longer be in
// use. Accepts NULL.
void tester_port_close(struct tester_port *port);
