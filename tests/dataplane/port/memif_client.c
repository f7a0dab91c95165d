// An NTP client over shared memory: sends N plain requests to 192.0.2.1 through the memif socket of
// a server, a burst at a time, and prints "sent N answered M".
//
//   memif_client SOCKET N
#include "base/log.h"
#include "perf/port/tester_port.h"

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

static struct tester_port *open_port(const char *socket)
{
    char device[200];
    struct tester_port *port;
    snprintf(device, sizeof device, "net_memif9,role=client,socket=%s,socket-abstract=no", socket);
    if (tester_port_open(device, false, 0, &port) != 0)
        exit(1);
    return port;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static unsigned send_some(struct frames_queue *queue, unsigned n)
{
    static struct frames out;
    n = frames_lend(queue, &out, n);
    for (unsigned i = 0; i < n; i++) {
        memcpy(out.frame[i], request, FRAME_LEN);
        out.len[i] = FRAME_LEN;
    }
    return frames_send(queue, &out, 0, n);
}

// Replies of a server (mode 4) with addresses swapped.
static unsigned receive_some(struct frames_queue *queue)
{
    static struct frames in;
    unsigned n = frames_receive(queue, &in);
    unsigned good = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *frame = in.frame[i];
        good += in.len[i] == FRAME_LEN && (frame[42] & 7) == 4 &&
                memcmp(frame + 26, request + 30, 4) == 0 && memcmp(frame, request + 6, 6) == 0;
    }
    frames_release(queue, n);
    return good;
}

int main(int argc, char **argv)
{
    log_open("memif_client");
    if (argc != 3)
        return 2;
    struct tester_port *port = open_port(argv[1]);
    uint32_t n_queues;
    struct frames_queue *queue = tester_port_queues(port, &n_queues);
    unsigned n = (unsigned)atoi(argv[2]);
    for (int i = 0; i < 300 && !tester_port_link_up(port); i++)
        pause_ms(10);
    unsigned sent = 0;
    unsigned answered = 0;
    for (int idle = 0; answered < n && idle < 200;) {
        unsigned burst = n - sent < 32 ? n - sent : 32;
        if (sent - answered <= 256)
            sent += send_some(queue, burst);
        unsigned got = receive_some(queue);
        answered += got;
        idle = got ? 0 : idle + 1;
        if (!got)
            pause_ms(5);
    }
    printf("sent %u answered %u\n", sent, answered);
    return answered == n ? 0 : 1;
}
