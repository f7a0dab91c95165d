// metadata_kernel IF: what this kernel does with frames that are sent with metadata
// (tx_metadata.h), on an interface in copy mode, where it stamps and frees each frame itself.
// Prints a line for each finding:
//
//   features N                what the driver announces for AF_XDP
//   metadata yes|no           the UMEM is taken with room for it
//   stamped N of M            frames whose stamp came, between the call that sent each and its end
//   launched N of M           likewise, with a launch time
//   invalid N                 frames that the kernel has refused
#include "base/now.h"
#include "base/tsc.h"
#include "dataplane/port/xdp/queue.h"
#include "dataplane/port/xdp/tx_features.h"
#include "dataplane/port/xdp/tx_stamps.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 100, LEN = 90, AT = 288, NS = 1000000000 };

static struct queue *queue;
static struct burst burst;

// The kernel stamps by this clock in copy mode.
static uint64_t tai_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_TAI, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

// Lends lane 0 a request and its reply, as if a frame had come.
static void lend(uint8_t number)
{
    struct buffers *b = &queue->buffers;
    queue->request[0] = buffers_take(b);
    queue->reply[0] = buffers_take(b) + AT;
    uint8_t *reply = burst.reply[0] = b->socket.umem + queue->reply[0];
    memset(reply, number, LEN);
    memset(reply, 0xff, 6);                    // to all
    memcpy(reply + 12, "\x88\xb5\x6e\x6d", 4); // an EtherType for experiments
    burst.reply_len[0] = LEN;
    burst.ticket[0] = number;
}

// The stamp of the frame with that ticket, or 0.
static uint64_t departure(uint64_t ticket)
{
    const uint64_t until = now_ns() + NS;
    struct port_departure got;
    while (now_ns() < until)
        if (port_departures(&queue->port, &got, 1) == 1 && got.ticket == ticket)
            return got.known ? got.stamp : 0;
    return 0;
}

static uint64_t sample(void)
{
    uint64_t stamp;
    int known;
    while ((known = port_sampled(&queue->port, &stamp)) == 0)
        continue;
    return known > 0 ? stamp : 0;
}

static bool send_stamped(uint8_t number)
{
    lend(number);
    burst.exact = 1;
    burst.launch = 0;
    const uint64_t began = tai_ns();
    if (port_tx(&queue->port, &burst, 1) != 1 || burst.exact != 1)
        return false;
    const uint64_t stamp = departure(number);
    return stamp >= began && stamp <= tai_ns();
}

static bool send_launched(uint8_t number)
{
    lend(number);
    burst.exact = 0;
    burst.launch = tai_ns() + 1000;
    queue->sample_next_ns = 0;
    const uint64_t began = tai_ns();
    if (port_tx(&queue->port, &burst, 1) != 1 || !burst.sampled)
        return false;
    const uint64_t stamp = sample();
    return stamp >= began && stamp <= tai_ns();
}

int main(int argc, char **argv)
{
    const unsigned ifindex = argc == 2 ? if_nametoindex(argv[1]) : 0;
    const struct socket_plan plan = {.ifindex = ifindex, .copying = SOCKET_COPY, .metadata = true};
    if (ifindex == 0) {
        fputs("usage: metadata_kernel INTERFACE\n", stderr);
        return 2;
    }
    int fault = queue_open(&plan, &queue);
    if (fault) {
        fprintf(stderr, "metadata_kernel: the socket cannot be opened: %s\n", strerror(-fault));
        return 1;
    }
    printf("features %" PRIu32 "\nmetadata %s\n", tx_features_read(ifindex, true),
           queue->buffers.socket.metadata ? "yes" : "no");
    fault = buffers_use_metadata(&queue->buffers);
    if (!fault) {
        unsigned stamped = 0, launched = 0;
        burst.together = LANES;
        queue->port.tells = queue->port.launches = true;
        for (unsigned i = 0; i < FRAMES; i++)
            stamped += send_stamped((uint8_t)i);
        for (unsigned i = 0; i < FRAMES; i++)
            launched += send_launched((uint8_t)i);
        printf("stamped %u of %u\nlaunched %u of %u\ninvalid %" PRIu64 "\n", stamped, FRAMES,
               launched, FRAMES, socket_counts(&queue->buffers.socket).invalid);
    }
    queue_close(queue);
    return 0;
}
