// An NTP client over shared memory: sends N plain requests to 192.0.2.1 through the memif socket of
// a server, a burst at a time, and prints "asked N answered M".
//
//   memif_ask SOCKET N
#include "base/log.h"
#include "config/config.h"
#include "dataplane/port/eal/ethdev.h"
#include "dataplane/port/ports.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAME_LEN = 14 + 20 + 8 + 48 };

static const uint8_t request[FRAME_LEN] = {
    0x02, 0,    0, 0,   0,   1,  0x02, 0, 0,  0,  0,    2,    0x08, 0, // Ethernet
    0x45, 0,    0, 76,  0,   0,  0x40, 0, 64, 17, 0xb6, 0x9d,          // IPv4 with its checksum
    192,  0,    2, 2,   192, 0,  2,    1,                              //
    0x9c, 0x40, 0, 123, 0,   56, 0,    0,                              // UDP without one
    0x23,                                                              // NTP: version 4, client
};

static struct port *open_port(const char *socket)
{
    static struct config config;
    static char device[200];
    struct ports *ports;
    struct port *const *queue;
    snprintf(device, sizeof device, "net_memif9,role=client,socket=%s,socket-abstract=no", socket);
    config.dataplane.n_cores = 1;
    config.dataplane.n_ports = 1;
    config.dataplane.ports[0] = (struct config_port){.kind = PORT_VDEV, .device = device};
    if (ports_open(&config, USE_ASK, &ports) != 0 || ports_of_core(ports, 0, &queue) != 1)
        exit(1);
    return queue[0];
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static unsigned send_some(struct port *port, unsigned n)
{
    unsigned sent = 0;
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *frame = rte_pktmbuf_alloc(port->pool);
        memcpy(rte_pktmbuf_append(frame, FRAME_LEN), request, FRAME_LEN);
        if (rte_eth_tx_burst(port->device, port->queue, &frame, 1) == 1)
            sent++;
        else
            rte_pktmbuf_free(frame);
    }
    return sent;
}

// Replies of a server (mode 4) with addresses swapped.
static unsigned receive_some(struct port *port)
{
    static struct burst burst;
    lane_set all = port_rx(port, &burst);
    unsigned good = 0;
    for (lane_set rest = all; rest != 0;) {
        unsigned lane = lane_take(&rest);
        const uint8_t *frame = burst.frame[lane];
        good += burst.len[lane] == FRAME_LEN && (frame[42] & 7) == 4 &&
                memcmp(frame + 26, request + 30, 4) == 0 && memcmp(frame, request + 6, 6) == 0;
    }
    port_drop(port, &burst, all);
    return good;
}

int main(int argc, char **argv)
{
    log_open("memif_ask");
    if (argc != 3)
        return 2;
    struct port *port = open_port(argv[1]);
    unsigned n = (unsigned)atoi(argv[2]);
    struct rte_eth_link link = {0};
    for (int i = 0; i < 300 && !link.link_status; i++) {
        pause_ms(10);
        rte_eth_link_get_nowait(port->device, &link);
    }
    unsigned asked = 0;
    unsigned answered = 0;
    for (int idle = 0; answered < n && idle < 200;) {
        unsigned burst = n - asked < 32 ? n - asked : 32;
        if (asked - answered <= 256)
            asked += send_some(port, burst);
        unsigned got = receive_some(port);
        answered += got;
        idle = got ? 0 : idle + 1;
        if (!got)
            pause_ms(5);
    }
    printf("asked %u answered %u\n", asked, answered);
    return answered == n ? 0 : 1;
}
