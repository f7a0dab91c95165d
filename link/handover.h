// The descriptors that the supervisor gives to a child across exec: fixed numbers, so that neither
// a protocol nor an environment variable is needed. All others are closed.
#pragma once

#include "base/bounds.h"

enum handover {
    // All children.
    HANDOVER_CONFIG = 3, // sealed memfd: the configuration in force as YAML text
    // The child's end of its link (link.h). The supervisor starts ke once control has reported that
    // it serves (keys are then published), and the dataplane once ke has reported it.
    HANDOVER_LINK = 4,
    // Control, ke, the dataplane.
    HANDOVER_BOARD_CONTROL = 5, // memfd; writable in control, read-only in ke and the dataplane
    // memfd; writable in the dataplane, read-only in control and metrics
    HANDOVER_BOARD_DATAPLANE = 6,
    HANDOVER_BOARD_KE = 8, // memfd; writable in ke, read-only in control and metrics
    // Control and metrics. Metrics faces strangers, so it gets no descriptor of the keyring's side.
    HANDOVER_BOARD_FACTS = 10,   // memfd; writable in control, read-only in metrics and etcd
    HANDOVER_BOARD_METRICS = 11, // memfd; writable in metrics, read-only in control
    // Metrics only.
    HANDOVER_METRICS_LISTENER = 12, // listening TCP socket of `metrics.listen`
    // The mover by etcd, control and metrics. The mover gets the facts beside it, and no other
    // side.
    HANDOVER_BOARD_ETCD = 13, // memfd; writable in the mover, read-only in control and metrics
    // Control only.
    HANDOVER_TIME_SOURCE = 7,    // of `time.source`: chronyd's command port, or a hardware clock
    HANDOVER_CONTROL_SOCKET = 9, // listening Unix stream socket of `control.socket`
    // Ke only. From this number on, in the order of the configuration: one listening TCP socket for
    // each address of `control.listen`, then chain and key of each of `control.certificates`, then
    // the tokens of `control.pool.tokens` if it names a file: read-only memfds with copies of the
    // files.
    HANDOVER_FIRST_LISTENER = 10,
    // The dataplane only: the guard sockets, of IPv4 and IPv6 at `dataplane.udp_port`, then at
    // `dataplane.nts_port`; without those of a family that the kernel does not have, and none if a
    // port is a socket. It answers the requests that they let in, and asks how many datagrams they
    // have discarded (link/guard.h).
    HANDOVER_FIRST_GUARD = 8,
    // The dataplane only: the lock of each interface of `dataplane.ports` (link/interface_lock.h).
    // The dataplane does not use them; it keeps the locks taken as long as it lives.
    HANDOVER_FIRST_INTERFACE_LOCK = HANDOVER_FIRST_GUARD + GUARDS_MAX,
    // The dataplane only: the PTP clock (/dev/ptpN) of the device of each of `dataplane.ports`, in
    // their order, without those of ports that have none.
    HANDOVER_FIRST_PHC = HANDOVER_FIRST_INTERFACE_LOCK + PORTS_MAX,
    // The dataplane only: the UDP sockets of each port that is a `socket`, in the order of the
    // configuration: config_sockets_each() of each at `dataplane.udp_port`, then as many at
    // `dataplane.nts_port`, if there is one.
    HANDOVER_FIRST_SOCKET = HANDOVER_FIRST_PHC + PORTS_MAX,
};

// The role of a child is its argv[0], which ps shows too. Metrics and etcd are programs of their
// own, the others are noonmarkd.
#define ROLE_CONTROL "noonmarkd: control"
#define ROLE_KE "noonmarkd: ke"
#define ROLE_DATAPLANE "noonmarkd: dataplane"
#define ROLE_METRICS "noonmarkd: metrics"
#define ROLE_ETCD "noonmarkd: etcd"
// Short-lived: reads the operator's files for a reload.
#define ROLE_RELOAD "noonmarkd: reload"
