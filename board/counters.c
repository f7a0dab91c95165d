// The names and help of the outcomes.
#include "board/counters.h"

const struct counter_text outcome_text[OUTCOMES] = {
    [ANSWERED_PLAIN] = {"answered_plain", "answered without NTS"},
    [ANSWERED_NTS] = {"answered_nts", "answered with NTS"},
    [ANSWERED_NAK] = {"answered_nak", "NTS requests refused with a NAK: unknown or forged cookie"},
    [DROPPED_RUNT] = {"dropped_runt", "frames shorter than their own headers say"},
    [DROPPED_OVERSIZE] = {"dropped_oversize", "frames longer than an Ethernet MTU of 1500 allows"},
    [DROPPED_NOT_IP] = {"dropped_not_ip", "neither IPv4 nor IPv6, or more than two VLAN tags"},
    [DROPPED_FRAGMENT] = {"dropped_fragment", "IP fragments"},
    [DROPPED_IP_OPTIONS] = {"dropped_ip_options", "IPv4 options or IPv6 extension headers"},
    [DROPPED_NOT_UDP] = {"dropped_not_udp", "IP packets other than UDP"},
    [DROPPED_NOT_NTP] = {"dropped_not_ntp", "UDP to another port"},
    [DROPPED_NOT_OURS] = {"dropped_not_ours", "addressed to another host"},
    [DROPPED_GROUP] = {"dropped_group", "multicast or broadcast address, MAC or IP"},
    [DROPPED_CHECKSUM] = {"dropped_checksum", "wrong IPv4 header or missing IPv6 UDP checksum"},
    [DROPPED_PORT_ZERO] = {"dropped_port_zero", "sent from UDP port 0"},
    [DROPPED_LENGTH] = {"dropped_length", "NTP shorter than 48 octets or not a multiple of 4"},
    [DROPPED_VERSION] = {"dropped_version", "NTP versions other than 1 to 4"},
    [DROPPED_MODE] = {"dropped_mode", "NTP packets that are not client requests"},
    [DROPPED_TRAILER] = {"dropped_trailer", "NTP versions 1 to 3 with octets after the header"},
    [DROPPED_MAC] = {"dropped_mac", "symmetric MAC or crypto-NAK"},
    [DROPPED_FIELDS] = {"dropped_fields", "malformed or too many extension fields"},
    [DROPPED_NTS_SHAPE] = {"dropped_nts_shape",
                           "NTS fields missing, repeated or of a length that is not allowed"},
    [DROPPED_NTS_LENGTHS] = {"dropped_nts_lengths", "authenticator with impossible lengths"},
    [DROPPED_NTS_CONTENT] = {"dropped_nts_content",
                             "genuine, but its encrypted fields are malformed"},
    [DROPPED_NO_KEYS] = {"dropped_no_keys", "NTS requests before the cookie keys were there"},
    [DROPPED_NO_CLOCK] = {"dropped_no_clock", "requests before the clock was there"},
    [DROPPED_STALE] = {"dropped_stale", "replies held up until their timestamps were wrong"},
    [DROPPED_LONGER] = {"dropped_longer", "reply would exceed the request: a bug, please report"},
    [DROPPED_TX_FULL] = {"dropped_tx_full", "replies that the port's send queue did not take"},
};

const int64_t departure_bin_ns[DEPARTURE_BINS - 1] = {
    -1000000, -100000, -30000, -10000, -3000, -2000, -1000, -500, -250, 0, 250, 1000,
};
