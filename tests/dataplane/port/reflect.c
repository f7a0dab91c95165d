// A server of the ports alone: what they deliver goes back with its addresses swapped, so that
// steering and sockets can be seen without NTP. Opens the ports of the configuration FILE on one
// core, prints "ready", and serves until its standard input ends; then says what it counted.
//
//   reflect FILE
#include "config/config.h"
#include "config/log.h"
#include "dataplane/port/ports.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void swap(uint8_t *out, const uint8_t *in, size_t a, size_t b, size_t len)
{
    memcpy(out + a, in + b, len);
    memcpy(out + b, in + a, len);
}

static uint32_t sum(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += (uint32_t)at[i] << (i % 2 ? 0 : 8);
    return sum;
}

// In full: what comes from a local socket across a veth bears half a checksum. addresses are those
// of the IP header, both.
static void checksum(uint8_t *udp, size_t len, const uint8_t *addresses, size_t addresses_len)
{
    enum { UDP = 17 };
    udp[6] = udp[7] = 0;
    uint32_t s = sum(sum((uint32_t)(UDP + len), addresses, addresses_len), udp, len);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    s = ~s & 0xffff;
    udp[6] = (uint8_t)(s >> 8);
    udp[7] = (uint8_t)s;
}

// Ethernet without tags.
static bool reflect(const uint8_t *in, uint16_t len, uint8_t *out)
{
    if (len < 42)
        return false;
    memcpy(out, in, len);
    swap(out, in, 0, 6, 6);
    bool v6 = in[12] == 0x86 && in[13] == 0xdd;
    size_t ip = 14;
    size_t udp = ip + (v6 ? 40 : 20);
    if (v6)
        swap(out, in, ip + 8, ip + 24, 16);
    else
        swap(out, in, ip + 12, ip + 16, 4);
    swap(out, in, udp, udp + 2, 2);
    checksum(out + udp, len - udp, out + ip + (v6 ? 8 : 12), v6 ? 32 : 8);
    return true;
}

static unsigned turn(struct port *port, struct batch *batch, unsigned *sent)
{
    lane_set all = port_rx(port, batch);
    lane_set answer = 0;
    for (lane_set rest = all; rest != 0;) {
        unsigned lane = lane_take(&rest);
        if (reflect(batch->frame[lane], batch->len[lane], batch->reply[lane])) {
            batch->reply_len[lane] = batch->len[lane];
            answer |= lane_bit(lane);
        }
    }
    lane_set gone = port_tx(port, batch, answer);
    port_drop(port, batch, all & ~gone);
    *sent += lane_count(gone);
    return lane_count(all);
}

int main(int argc, char **argv)
{
    struct config *config;
    struct config_error error;
    struct ports *ports;
    log_open("reflect");
    if (argc != 2 || config_load(argv[1], &config, &error) != 0) {
        log_error("%s", argc == 2 ? error.text : "usage: reflect FILE");
        return 2;
    }
    if (ports_open(config, &ports) != 0 || ports_steer(ports) != 0)
        return 1;
    puts("ready");
    fflush(stdout);

    static struct batch batch;
    struct port *const *queue;
    uint32_t n = ports_of_core(ports, 0, &queue);
    unsigned received = 0;
    unsigned sent = 0;
    for (unsigned idle = 0;;) {
        unsigned before = received;
        for (uint32_t i = 0; i < n; i++)
            received += turn(queue[i], &batch, &sent);
        idle = received == before ? idle + 1 : 0;
        if (idle % 512 != 511)
            continue;
        struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
        struct pollfd moved = {.fd = ports_watch(ports), .events = POLLIN};
        if (poll(&end, 1, 0) > 0)
            break;
        if (poll(&moved, 1, 0) > 0)
            ports_follow(ports);
    }
    printf("received %u sent %u\n", received, sent);
    ports_close(ports);
    ports_end();
    config_free(config);
    return 0;
}
