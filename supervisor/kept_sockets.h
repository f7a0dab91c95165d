// Sockets that the service manager keeps over a restart (systemd's file descriptor store,
// sd_notify(3)): the listeners of NTS-KE and of the metrics, and the UDP sockets on the NTP ports.
// The manager holds copies of them until the service is stopped. During a restart connections and
// requests wait in them, and no client sees a refusal or an ICMP error.
// The next supervisor gets them beside the given sockets (given_sockets.h), told apart by their
// names.
//
// Each one is looked at before it is used, because the configuration may be another one by then:
// its kind, its address, its filter. What does not fit is closed, and the manager forgets it.
// Beside them it keeps the file of kept_offset.h, and nothing that holds a key. Single-threaded.
#pragma once

#include "base/bounds.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct descriptors;
struct notify;

enum kept_kind { KEPT_KE, KEPT_METRICS, KEPT_NTP, KEPT_CLOCK, KEPT_KINDS };
enum { KEPT_MAX = LISTENERS_MAX + 1 + SOCKETS_MAX };

struct kept_socket {
    int fd; // -1: taken
    enum kept_kind kind;
    struct sockaddr_storage address;
};

struct kept_sockets {
    uint32_t n;
    bool stale; // the manager keeps one that nobody wants
    int clock;  // kept_offset.h; -1: none
    struct kept_socket socket[KEPT_MAX];
};

// None. Before the first is taken.
void kept_sockets_init(struct kept_sockets *kept);

// Takes over a descriptor that came from the manager under that name. False: it is no name of a
// kept socket, and the descriptor is the caller's.
bool kept_sockets_take(struct kept_sockets *kept, int fd, const char *name);

// A kept listener of that kind at that address, which the caller owns; -1: there is none.
int kept_sockets_listener(struct kept_sockets *kept, enum kept_kind kind,
                          const struct config_listen *at);

// A kept UDP socket at that address; answered and shared as guard_socket_adopt() has them. The
// caller owns it; -1: there is none.
int kept_sockets_udp(struct kept_sockets *kept, const struct sockaddr_storage *address,
                     bool answered, bool shared);

// The file of kept_offset.h, which the caller owns; -1: there is none.
int kept_sockets_clock(struct kept_sockets *kept);

// Closes what nobody has taken. True: the manager keeps something that is not in use.
bool kept_sockets_end(struct kept_sockets *kept);

// Has the manager keep the sockets that are held, and no others. False: not all was sent, because
// the manager takes no message at the moment; call it again later.
bool kept_sockets_tell(const struct descriptors *held, const struct notify *notify);
