// The sizes of arrays that several rooms share. Each limit has one name here, so that the room that
// counts and the room that has the array cannot differ; the rooms may give it a name of their own.
// A limit that must only be at least as large as another one is defined where it belongs, with a
// static_assert where both are visible.
#pragma once

enum {
    CORES_MAX = 64,       // polling cores: dataplane.cores, the board's pages, loops, the watch
    PORTS_MAX = 16,       // dataplane.ports, the board's ports, devices
    ADDRESSES_MAX = 64,   // of one port: its addresses, the parse stage's set
    SOCKETS_MAX = 32,     // of all ports that are sockets: the supervisor's, the dataplane's
    GUARDS_MAX = 4,       // guard sockets: IPv4 and IPv6, of dataplane.udp_port, then of nts_port
    LISTENERS_MAX = 16,   // control.listen, the supervisor's sockets, NTS-KE's
    NAMES_MAX = 16,       // control.names
    CERTIFICATES_MAX = 8, // control.certificates, the descriptors of their files
    SECRET_FILES_MAX = 2 * CERTIFICATES_MAX + 1, // their files, and that of control.pool.tokens
    CPUS_MAX = 1024,     // the numbers of CPUs in dataplane.cores are below it
    BALANCERS_MAX = 256, // of control.proxy_from
    PREFIXES_MAX = 4096, // of dataplane.allow, and of dataplane.deny

    LIMITS_RATE_MAX = 100000, // dataplane.limits: requests a second
    LIMITS_BURST_MAX = 65536, // likewise: at once

    COOKIE_KEYS_MAX = 8,                // the current key, the future one, and old ones
    OLD_KEYS_MAX = COOKIE_KEYS_MAX - 2, // keys.keep
    KEY_PATH_MAX = 4000,                // octets of keys.file
    INSTANCE_ID_MAX = 32,               // octets of dataplane.instance_id, and of its field
    NTP_SERVER_MAX = 99,                // octets of control.ntp_server, and of its NTS-KE record

    ETCD_ENDPOINTS_MAX = 8, // keys.fleet.etcd
    ETCD_URL_MAX = 512,     // octets of one of them
};
