// send_stamps udp|packet INTERFACE PHC ADDRESS COUNT: sends packets one after another and prints
// what the NIC's clock (PHC: its /dev/ptpN) said before each was sent, the hardware transmit stamp
// that the socket got for it (SO_TIMESTAMPING), and what the clock said after that: three numbers
// in nanoseconds a line. A packet without a stamp within a second has the stamp 0.
//
//   udp     a UDP socket, to ADDRESS
//   packet  an AF_PACKET socket: UDP datagrams to ADDRESS that are written here, for Ethernet's
//   broadcast
//           address
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 9, PAYLOAD = 48, WAIT_MS = 1000 }; // discard

struct frame {
    struct ether_header ethernet;
    struct iphdr ip;
    struct udphdr udp;
    uint8_t payload[PAYLOAD];
} __attribute__((packed));

static void die(const char *what)
{
    fprintf(stderr, "send_stamps: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t nanoseconds(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

// The id of the clock behind an open /dev/ptpN: FD_TO_CLOCKID of clock_gettime(2).
static int64_t phc_now(int fd)
{
    struct timespec now;
    if (clock_gettime((clockid_t)((~(unsigned)fd << 3) | 3), &now) != 0)
        die("clock_gettime of the PHC");
    return nanoseconds(&now);
}

static void ask_for_stamps(int fd, const char *interface)
{
    struct hwtstamp_config config = {.tx_type = HWTSTAMP_TX_ON, .rx_filter = HWTSTAMP_FILTER_NONE};
    struct ifreq request = {.ifr_data = (void *)&config};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (ioctl(fd, SIOCSHWTSTAMP, &request) != 0)
        die("SIOCSHWTSTAMP");
    int flags =
        SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0)
        die("SO_TIMESTAMPING");
}

// Not connected: nobody listens at the peer, and a connected socket would be told so.
static int open_udp(const char *interface)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("UDP socket");
    ask_for_stamps(fd, interface);
    return fd;
}

static int open_packet(const char *interface)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); // protocol 0: receives nothing
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
        die("AF_PACKET socket");
    ask_for_stamps(fd, interface);
    return fd;
}

static struct frame make_frame(int fd, const char *interface, struct in_addr to)
{
    struct frame frame = {
        .ethernet = {.ether_dhost = {255, 255, 255, 255, 255, 255},
                     .ether_type = htons(ETHERTYPE_IP)},
        .ip = {.ihl = 5,
               .version = 4,
               .ttl = 1,
               .protocol = IPPROTO_UDP,
               .tot_len = htons(sizeof frame - sizeof frame.ethernet),
               .daddr = to.s_addr},
        .udp = {.dest = htons(PORT), .len = htons(sizeof frame.udp + PAYLOAD)},
    };
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
        die("SIOCGIFHWADDR");
    memcpy(frame.ethernet.ether_shost, request.ifr_hwaddr.sa_data, ETH_ALEN);
    return frame;
}

// The hardware stamp in the socket's error queue, 0 for none.
static int64_t take_stamp(int fd)
{
    _Alignas(struct cmsghdr) uint8_t control[512];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
    struct pollfd wait = {.fd = fd}; // POLLERR
    if (poll(&wait, 1, WAIT_MS) <= 0 || recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        struct scm_timestamping stamps;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING)
            continue;
        memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
        return nanoseconds(&stamps.ts[2]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct in_addr to;
    if (argc != 6 || inet_pton(AF_INET, argv[4], &to) != 1) {
        fprintf(stderr, "usage: send_stamps udp|packet INTERFACE PHC ADDRESS COUNT\n");
        return 2;
    }
    const char *interface = argv[2];
    int phc = open(argv[3], O_RDONLY | O_CLOEXEC);
    if (phc < 0)
        die(argv[3]);
    bool udp = strcmp(argv[1], "udp") == 0;
    int fd = udp ? open_udp(interface) : open_packet(interface);
    struct frame frame = make_frame(fd, interface, to);
    const struct sockaddr_in peer = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = to};
    struct iovec octets = {udp ? (void *)frame.payload : (void *)&frame,
                           udp ? sizeof frame.payload : sizeof frame};
    struct msghdr message = {.msg_iov = &octets, .msg_iovlen = 1};
    if (udp) {
        message.msg_name = (void *)&peer;
        message.msg_namelen = sizeof peer;
    }
    for (int n = atoi(argv[5]); n > 0; n--) {
        int64_t before = phc_now(phc);
        if (sendmsg(fd, &message, 0) != (ssize_t)octets.iov_len)
            die("sendmsg");
        int64_t stamp = take_stamp(fd);
        printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", before, stamp, phc_now(phc));
    }
    return 0;
}
