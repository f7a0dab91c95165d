// The table of metrics: families, then their rows.
#include "board/board.h"
#include "board/metrics.h"

static const struct metric_family process_heartbeat = {
    "noonmark_process_heartbeat_age_seconds", "Time since the process showed that it lives.",
    METRIC_GAUGE, "seconds"};
static const struct metric_family process_starts = {
    "noonmark_process_starts", "Times that the process was started.", METRIC_COUNTER, ""};
static const struct metric_family log_lost = {
    "noonmark_log_lines_lost", "Lines of log that the process lost.", METRIC_COUNTER, ""};
static const struct metric_family clock_doubted = {
    "noonmark_clock_doubted", "Whether the dataplane finds the clock that control publishes wrong.",
    METRIC_GAUGE, ""};
static const struct metric_family clock_serving = {
    "noonmark_clock_serving", "Whether the clock's line is fitted.", METRIC_GAUGE, ""};
static const struct metric_family clock_leap = {
    "noonmark_clock_leap", "The leap indicator that is served.", METRIC_GAUGE, ""};
static const struct metric_family clock_stratum = {"noonmark_clock_stratum",
                                                   "The stratum that is served.", METRIC_GAUGE, ""};
static const struct metric_family clock_precision = {
    "noonmark_clock_precision", "The precision that is served, as log2 of seconds.", METRIC_GAUGE,
    ""};
static const struct metric_family clock_root_delay = {
    "noonmark_clock_root_delay_seconds", "The root delay that is served.", METRIC_GAUGE, "seconds"};
static const struct metric_family clock_root_dispersion = {
    "noonmark_clock_root_dispersion_seconds", "The root dispersion that is served, before it ages.",
    METRIC_GAUGE, "seconds"};
static const struct metric_family clock_bound = {
    "noonmark_clock_bound_seconds",
    "How far CLOCK_REALTIME can be from the fitted line at its base.", METRIC_GAUGE, "seconds"};
static const struct metric_family clock_growth = {
    "noonmark_clock_bound_growth_ppb",
    "How fast that bound grows, in nanoseconds for each second since the line's base.",
    METRIC_GAUGE, "ppb"};
static const struct metric_family clock_gates = {
    "noonmark_clock_gates", "Readings of CLOCK_REALTIME that the fitted line goes through.",
    METRIC_GAUGE, ""};
static const struct metric_family clock_steps = {
    "noonmark_clock_steps", "Steps of CLOCK_REALTIME that control has noticed.", METRIC_COUNTER,
    ""};
static const struct metric_family stamps_bound = {
    "noonmark_stamp_clock_bound_seconds",
    "How far the clock that stamps frames can be from the line fitted to it, at its base.",
    METRIC_GAUGE, "seconds"};
static const struct metric_family stamps_growth = {
    "noonmark_stamp_clock_bound_growth_ppb",
    "How fast that bound grows, in nanoseconds for each second since the line's base.",
    METRIC_GAUGE, "ppb"};
static const struct metric_family stamps_gates = {
    "noonmark_stamp_clock_gates",
    "Readings of the clock that stamps frames that the line goes through.", METRIC_GAUGE, ""};
static const struct metric_family port_link_up = {
    "noonmark_port_link_up", "Whether the port's link is up.", METRIC_GAUGE, ""};
static const struct metric_family port_queues = {
    "noonmark_port_queues", "Queues of the port that are polled.", METRIC_GAUGE, ""};
static const struct metric_family port_not_steered = {
    "noonmark_port_addresses_not_steered",
    "Local addresses that the port's XDP program has no room for.", METRIC_GAUGE, ""};
static const struct metric_family port_missed = {
    "noonmark_port_missed_frames", "Frames that the device lost before any core saw them.",
    METRIC_COUNTER, ""};
static const struct metric_family port_ring_full = {
    "noonmark_port_ring_full_frames",
    "Frames that an AF_XDP socket's full receive ring lost, which the missed frames include.",
    METRIC_COUNTER, ""};
static const struct metric_family port_fill_empty = {
    "noonmark_port_fill_ring_empty",
    "How often the kernel found no empty buffer in an AF_XDP socket's fill ring.", METRIC_COUNTER,
    ""};
static const struct metric_family port_frames = {
    "noonmark_port_frames",
    "Frames of a port that stamps them as they arrive, with and without a stamp.", METRIC_COUNTER,
    ""};
static const struct metric_family key_age = {
    "noonmark_key_age_seconds", "Time since the cookie key was made.", METRIC_GAUGE, "seconds"};
static const struct metric_family guard_discarded = {
    "noonmark_guard_discarded_datagrams",
    "Datagrams to the NTP port that took the kernel's path and were discarded.", METRIC_COUNTER,
    ""};
static const struct metric_family frames = {"noonmark_ntp_frames", "Frames received.",
                                            METRIC_COUNTER, ""};
static const struct metric_family replies = {
    "noonmark_ntp_replies", "NTP replies sent, by their kind.", METRIC_COUNTER, ""};
static const struct metric_family dropped = {
    "noonmark_ntp_dropped", "Frames and requests that got no reply, by the reason.", METRIC_COUNTER,
    ""};
static const struct metric_family naks = {"noonmark_ntp_naks", "NTS NAKs sent, by their cause.",
                                          METRIC_COUNTER, ""};
static const struct metric_family received = {"noonmark_ntp_received_bytes",
                                              "Octets of the frames received, without FCS.",
                                              METRIC_COUNTER, "bytes"};
static const struct metric_family sent = {
    "noonmark_ntp_sent_bytes", "Octets of the frames sent, without FCS.", METRIC_COUNTER, "bytes"};
static const struct metric_family cookies = {"noonmark_ntp_cookies", "New cookies sent to clients.",
                                             METRIC_COUNTER, ""};
static const struct metric_family slow_path = {
    "noonmark_ntp_slow_path", "NTS requests of legal but unusual shape.", METRIC_COUNTER, ""};
static const struct metric_family busy = {
    "noonmark_core_busy_ticks", "Ticks of the time stamp counter spent in turns that had packets.",
    METRIC_COUNTER, "ticks"};
static const struct metric_family stamps_refused = {
    "noonmark_ntp_stamps_refused", "Frames whose stamp of arrival could not be true.",
    METRIC_COUNTER, ""};
static const struct metric_family composed_again = {"noonmark_core_bursts_composed_again",
                                                    "Bursts composed twice.", METRIC_COUNTER, ""};
static const struct metric_family records_refused = {"noonmark_core_records_refused",
                                                     "Records of the board that a core kept out.",
                                                     METRIC_COUNTER, ""};
static const struct metric_family departure_error = {
    "noonmark_ntp_departure_error_seconds",
    "How much later than it left a reply said that it would leave.", METRIC_HISTOGRAM, "seconds"};
static const struct metric_family interleaved = {
    "noonmark_ntp_interleaved_replies",
    "Replies to requests that ask for interleaved mode, by the mode that they got.", METRIC_COUNTER,
    ""};
static const struct metric_family departures = {
    "noonmark_ntp_departures",
    "Replies to requests that ask for interleaved mode, by what is known of their departure.",
    METRIC_COUNTER, ""};
static const struct metric_family turns = {"noonmark_core_turns",
                                           "Turns of the core's polling loop.", METRIC_COUNTER, ""};
static const struct metric_family departure = {
    "noonmark_core_departure_seconds",
    "Time foreseen from composing a burst to the departure of its first reply.", METRIC_GAUGE,
    "seconds"};
static const struct metric_family ke_accepted = {
    "noonmark_ke_accepted", "NTS-KE connections accepted.", METRIC_COUNTER, ""};
static const struct metric_family ke_ended = {
    "noonmark_ke_ended", "NTS-KE connections that have ended, by how.", METRIC_COUNTER, ""};
static const struct metric_family ke_paused = {
    "noonmark_ke_paused", "Pauses of accepting NTS-KE connections, by their cause.", METRIC_COUNTER,
    ""};
static const struct metric_family ke_open = {"noonmark_ke_open", "NTS-KE connections open now.",
                                             METRIC_GAUGE, ""};

// The place of a number.
#define AT(place, form, type, member) (place), (form), offsetof(struct type, member)
#define CORES(member) AT(METRIC_CORES, METRIC_U64, core_counters, member)
#define KE(member) AT(METRIC_KE, METRIC_U64, ke_counters, member)
#define PORT(form, member) AT(METRIC_PORT, form, board_port, member)
#define CLOCK(form, member) AT(METRIC_CLOCK, form, ntp_state, member)
#define STAMPS(form, member) AT(METRIC_STAMPS, form, stamp_line, member)

const struct metric metrics[] = {
    {&process_heartbeat, NULL, NULL, "heartbeat_age_ms",
     "Milliseconds since the process showed that it lives, null before the first time.",
     AT(METRIC_CONTROL, METRIC_BEAT, board_control, heartbeat)},
    {&process_starts, NULL, NULL, "starts",
     "Times that the process was started: more than 1 says that it died.",
     AT(METRIC_CONTROL, METRIC_U64, board_control, starts)},
    {&log_lost, NULL, NULL, "log_lines_lost",
     "Lines of log that the process lost since it was started, because nobody read them in time.",
     AT(METRIC_CONTROL, METRIC_U64, board_control, log_lost)},
    {&process_heartbeat, NULL, NULL, "heartbeat_age_ms",
     "Milliseconds since the process showed that it lives, null before the first time.",
     AT(METRIC_KE_PROCESS, METRIC_BEAT, board_ke, heartbeat)},
    {&process_starts, NULL, NULL, "starts",
     "Times that the process was started: more than 1 says that it died.",
     AT(METRIC_KE_PROCESS, METRIC_U64, board_ke, starts)},
    {&log_lost, NULL, NULL, "log_lines_lost",
     "Lines of log that the process lost since it was started, because nobody read them in time.",
     AT(METRIC_KE_PROCESS, METRIC_U64, board_ke, log_lost)},
    {&process_heartbeat, NULL, NULL, "heartbeat_age_ms",
     "Milliseconds since the process showed that it lives, null before the first time.",
     AT(METRIC_DATAPLANE, METRIC_BEAT, board_dataplane, heartbeat)},
    {&process_starts, NULL, NULL, "starts",
     "Times that the process was started: more than 1 says that it died.",
     AT(METRIC_DATAPLANE, METRIC_U64, board_dataplane, starts)},
    {&log_lost, NULL, NULL, "log_lines_lost",
     "Lines of log that the process lost since it was started, because nobody read them in time.",
     AT(METRIC_DATAPLANE, METRIC_U64, board_dataplane, log_lost)},
    {&clock_doubted, NULL, NULL, NULL,
     "Whether the dataplane finds the clock that control publishes wrong, and serves it as leap 3.",
     AT(METRIC_DATAPLANE, METRIC_FLAG32, board_dataplane, clock_doubted)},
    {&guard_discarded, "cause", "filter", "guard_discarded",
     "Datagrams to the NTP port that took the kernel's path and were discarded: not a request, or "
     "too many were waiting.",
     AT(METRIC_DATAPLANE, METRIC_U64, board_dataplane, guard_discarded)},
    {&guard_discarded, "cause", "stale", "kernel_path_stale",
     "Requests by the kernel's path that had waited for more than a second.",
     AT(METRIC_DATAPLANE, METRIC_U64, board_dataplane, kernel_path_stale)},
    {&clock_serving, NULL, NULL, "serving",
     "Whether the clock's line is fitted: requests are dropped until it is.",
     CLOCK(METRIC_FLAG8, serving)},
    {&clock_leap, NULL, NULL, NULL, "The leap indicator that is served: 3 is not synchronised.",
     CLOCK(METRIC_U8, leap)},
    {&clock_stratum, NULL, NULL, "stratum", "The stratum that is served, 0 while not synchronised.",
     CLOCK(METRIC_U8, stratum)},
    {&clock_precision, NULL, NULL, "precision", "The precision that is served, as log2 of seconds.",
     CLOCK(METRIC_I8, precision)},
    {&clock_root_delay, NULL, NULL, "root_delay_s", "The root delay that is served.",
     CLOCK(METRIC_SHORT, root_delay)},
    {&clock_root_dispersion, NULL, NULL, "root_dispersion_s",
     "The root dispersion that is served, before it ages.", CLOCK(METRIC_SHORT, root_dispersion)},
    {&clock_bound, NULL, NULL, "bound_ns",
     "How far CLOCK_REALTIME can be from the fitted line, in nanoseconds, when it was last read.",
     CLOCK(METRIC_NS32, bound_ns)},
    {&clock_growth, NULL, NULL, "growth_ppb",
     "How fast that bound grows until the clock is read again, in nanoseconds a second.",
     CLOCK(METRIC_U32, growth_ppb)},
    {&clock_gates, NULL, NULL, "gates",
     "Readings of CLOCK_REALTIME that the line goes through: 64, or few just after its rate was "
     "changed.",
     CLOCK(METRIC_U32, gates)},
    {&clock_steps, NULL, NULL, "steps",
     "Steps of CLOCK_REALTIME that control has noticed since it started.",
     CLOCK(METRIC_U32, steps)},
    {&stamps_bound, NULL, NULL, "bound_ns",
     "How far the clock can be from the line fitted to it, in nanoseconds, when it was last read.",
     STAMPS(METRIC_NS32, bound_ns)},
    {&stamps_growth, NULL, NULL, "growth_ppb",
     "How fast that bound grows until the clock is read again, in nanoseconds a second; a change "
     "of the clock's rate is counted.",
     STAMPS(METRIC_U32, growth_ppb)},
    {&stamps_gates, NULL, NULL, "gates",
     "Readings of the clock that the line goes through: 64, or few just after its rate was "
     "changed.",
     STAMPS(METRIC_U32, gates)},
    {&port_link_up, NULL, NULL, "link_up", "Whether the port's link is up.",
     PORT(METRIC_FLAG32, link_up)},
    {&port_queues, NULL, NULL, "queues", "Queues of the port that are polled.",
     PORT(METRIC_U32, queues)},
    {&port_not_steered, NULL, NULL, "addresses_not_steered",
     "Local addresses that the XDP program has no room for: requests to them get no answer.",
     PORT(METRIC_U32, not_steered)},
    {&port_missed, NULL, NULL, "rx_missed", "Frames that the device lost before any core saw them.",
     PORT(METRIC_U64, rx_missed)},
    {&port_ring_full, NULL, NULL, "rx_ring_full",
     "Of rx_missed: the receive ring was full, because a core was too slow or held up.",
     PORT(METRIC_U64, rx_ring_full)},
    {&port_fill_empty, NULL, NULL, "fill_ring_empty",
     "How often the kernel found no empty buffer to receive into.",
     PORT(METRIC_U64, fill_ring_empty)},
    {&port_frames, "stamp", "yes", "stamped", "Frames that came with a stamp of their arrival.",
     PORT(METRIC_U64, stamped)},
    {&port_frames, "stamp", "no", "unstamped",
     "Frames without a stamp on a port that stamps: the device leaves no room for one.",
     PORT(METRIC_U64, unstamped)},
    {&key_age, NULL, NULL, "age_s", "Seconds since the key was made.",
     AT(METRIC_KEY, METRIC_U64, metric_key, age_s)},
    {&frames, NULL, NULL, "frames_received",
     "Frames received: the sum of all counters answered_ and dropped_.", CORES(frames_received)},
    {&replies, "kind", "plain", "answered_plain", "Requests answered without NTS.",
     CORES(outcome[ANSWERED_PLAIN])},
    {&replies, "kind", "nts", "answered_nts", "Requests answered with NTS.",
     CORES(outcome[ANSWERED_NTS])},
    {&replies, "kind", "nak", "answered_nak",
     "NTS requests refused with a NAK: the counters nak_ say why.", CORES(outcome[ANSWERED_NAK])},
    {&dropped, "reason", "runt", "dropped_runt", "Frames shorter than their own headers say.",
     CORES(outcome[DROPPED_RUNT])},
    {&dropped, "reason", "oversize", "dropped_oversize",
     "Frames longer than an Ethernet MTU of 1500 allows.", CORES(outcome[DROPPED_OVERSIZE])},
    {&dropped, "reason", "not_ip", "dropped_not_ip",
     "Frames that are neither IPv4 nor IPv6, or have more than two VLAN tags.",
     CORES(outcome[DROPPED_NOT_IP])},
    {&dropped, "reason", "fragment", "dropped_fragment", "IP fragments.",
     CORES(outcome[DROPPED_FRAGMENT])},
    {&dropped, "reason", "ip_options", "dropped_ip_options",
     "IP packets with IPv4 options or IPv6 extension headers.", CORES(outcome[DROPPED_IP_OPTIONS])},
    {&dropped, "reason", "not_udp", "dropped_not_udp", "IP packets other than UDP.",
     CORES(outcome[DROPPED_NOT_UDP])},
    {&dropped, "reason", "not_ntp", "dropped_not_ntp", "UDP datagrams to another port.",
     CORES(outcome[DROPPED_NOT_NTP])},
    {&dropped, "reason", "not_ours", "dropped_not_ours", "IP packets to another host.",
     CORES(outcome[DROPPED_NOT_OURS])},
    {&dropped, "reason", "group", "dropped_group",
     "Packets with a multicast or broadcast address, MAC or IP.", CORES(outcome[DROPPED_GROUP])},
    {&dropped, "reason", "other_mac", "dropped_other_mac",
     "Frames to another MAC address than the port's.", CORES(outcome[DROPPED_OTHER_MAC])},
    {&dropped, "reason", "source", "dropped_source",
     "Packets from an address that no host has, or from the server's own.",
     CORES(outcome[DROPPED_SOURCE])},
    {&dropped, "reason", "checksum", "dropped_checksum",
     "Packets with a wrong IPv4 header checksum or without the UDP checksum that IPv6 demands.",
     CORES(outcome[DROPPED_CHECKSUM])},
    {&dropped, "reason", "port_zero", "dropped_port_zero", "Datagrams from UDP port 0.",
     CORES(outcome[DROPPED_PORT_ZERO])},
    {&dropped, "reason", "length", "dropped_length",
     "NTP packets shorter than 48 octets, or of a length that is not a multiple of 4.",
     CORES(outcome[DROPPED_LENGTH])},
    {&dropped, "reason", "version", "dropped_version", "NTP versions other than 1 to 4.",
     CORES(outcome[DROPPED_VERSION])},
    {&dropped, "reason", "mode", "dropped_mode", "NTP packets that are not client requests.",
     CORES(outcome[DROPPED_MODE])},
    {&dropped, "reason", "trailer", "dropped_trailer",
     "NTP versions 1 to 3 with octets after the header.", CORES(outcome[DROPPED_TRAILER])},
    {&dropped, "reason", "mac", "dropped_mac", "Requests with a symmetric MAC or a crypto-NAK.",
     CORES(outcome[DROPPED_MAC])},
    {&dropped, "reason", "fields", "dropped_fields",
     "Requests with malformed or too many extension fields.", CORES(outcome[DROPPED_FIELDS])},
    {&dropped, "reason", "nts_shape", "dropped_nts_shape",
     "NTS requests with fields missing, repeated, or of a length that is not allowed.",
     CORES(outcome[DROPPED_NTS_SHAPE])},
    {&dropped, "reason", "nts_lengths", "dropped_nts_lengths",
     "NTS requests whose authenticator has impossible lengths.",
     CORES(outcome[DROPPED_NTS_LENGTHS])},
    {&dropped, "reason", "nts_content", "dropped_nts_content",
     "Genuine NTS requests whose encrypted fields are malformed.",
     CORES(outcome[DROPPED_NTS_CONTENT])},
    {&dropped, "reason", "no_keys", "dropped_no_keys",
     "NTS requests that came before the cookie keys were there.", CORES(outcome[DROPPED_NO_KEYS])},
    {&dropped, "reason", "no_clock", "dropped_no_clock",
     "Requests that came before the clock was there.", CORES(outcome[DROPPED_NO_CLOCK])},
    {&dropped, "reason", "unhealthy", "dropped_unhealthy",
     "Requests that came while the clock was not synchronised, with time.on_unhealthy: silent.",
     CORES(outcome[DROPPED_UNHEALTHY])},
    {&dropped, "reason", "stale", "dropped_stale",
     "Replies that were held up until their timestamps were wrong.", CORES(outcome[DROPPED_STALE])},
    {&dropped, "reason", "longer", "dropped_longer",
     "Replies that would have been longer than the request: a bug, please report it.",
     CORES(outcome[DROPPED_LONGER])},
    {&dropped, "reason", "tx_full", "dropped_tx_full",
     "Replies that the port's send queue did not take.", CORES(outcome[DROPPED_TX_FULL])},
    {&naks, "cause", "unknown_key", "nak_unknown_key",
     "NAKs because the cookie names a key that this server does not have, or no longer.",
     CORES(nak[NAK_UNKNOWN_KEY])},
    {&naks, "cause", "cookie_length", "nak_cookie_length",
     "NAKs because the cookie is not as long as this server's are.", CORES(nak[NAK_COOKIE_LENGTH])},
    {&naks, "cause", "cookie_tag", "nak_cookie_tag",
     "NAKs because the cookie's authentication tag is wrong.", CORES(nak[NAK_COOKIE_TAG])},
    {&naks, "cause", "request_tag", "nak_request_tag",
     "NAKs because the request's authentication tag is wrong, under a genuine cookie.",
     CORES(nak[NAK_REQUEST_TAG])},
    {&received, NULL, NULL, "octets_received", "Octets of the frames received, without FCS.",
     CORES(octets_received)},
    {&sent, NULL, NULL, "octets_sent", "Octets of the frames sent, without FCS.",
     CORES(octets_sent)},
    {&cookies, NULL, NULL, "cookies_sealed", "New cookies sent to clients.", CORES(cookies_sealed)},
    {&slow_path, NULL, NULL, "slow_path",
     "NTS requests of legal but unusual shape, which are answered one at a time.",
     CORES(slow_path)},
    {&busy, NULL, NULL, "busy_cycles",
     "Ticks of the time stamp counter spent in turns that had packets.", CORES(busy_cycles)},
    {&stamps_refused, NULL, NULL, "stamps_refused",
     "Frames whose stamp of arrival could not be true.", CORES(stamps_refused)},
    {&composed_again, NULL, NULL, "composed_again",
     "Bursts composed twice, because the core was taken off its CPU in between.",
     CORES(composed_again)},
    {&records_refused, NULL, NULL, "records_refused",
     "Records of the board, keys or clock lines, that a core kept out because a field was out of "
     "range: 0 unless control is broken.",
     CORES(records_refused)},
    {&departure_error, NULL, NULL, "departure_error",
     "How much later than it left the last reply of a send call said that it would leave.",
     AT(METRIC_CORES, METRIC_DEPARTS, core_counters, departure_error)},
    {&interleaved, "mode", "interleaved", "interleaved",
     "Replies in interleaved mode: they say when an earlier reply truly left.", CORES(interleaved)},
    {&interleaved, "mode", "basic", "interleaved_basic",
     "Replies in basic mode to requests that ask for interleaved mode: nothing is known of the "
     "earlier reply, or its departure was told before.",
     CORES(interleaved_basic)},
    {&departures, "result", "known", "departures_known",
     "Replies to such requests whose departure is remembered.", CORES(departures_known)},
    {&departures, "result", "unasked", "departures_unasked",
     "Replies to such requests whose departure nobody tells: the port cannot, or there are too "
     "many.",
     CORES(departures_unasked)},
    {&departures, "result", "lost", "departures_lost",
     "Replies to such requests whose stamp never came, came after a step of the clock, or cannot "
     "be true.",
     CORES(departures_lost)},
    {&turns, NULL, NULL, "turns", "Turns of the core's polling loop, those without packets too.",
     AT(METRIC_CORE, METRIC_U64, core_counters, heartbeat)},
    {&departure, NULL, NULL, "departure_ns",
     "Nanoseconds foreseen from composing a burst to the departure of its first reply.",
     AT(METRIC_CORE, METRIC_NS, core_counters, departure_ns)},
    {&ke_accepted, NULL, NULL, "accepted",
     "Connections accepted: the sum of those that have ended, and those open now.",
     KE(n[KE_ACCEPTED])},
    {&ke_ended, "how", "completed", "completed", "Key exchanges answered with cookies.",
     KE(n[KE_COMPLETED])},
    {&ke_ended, "how", "no_common", "no_common",
     "Requests answered, but with no protocol or no AEAD in common.", KE(n[KE_NO_COMMON])},
    {&ke_ended, "how", "error_critical", "error_critical",
     "Requests answered with Error 0: an unknown critical record.", KE(n[KE_ERRED_CRITICAL])},
    {&ke_ended, "how", "error_request", "error_request",
     "Requests answered with Error 1: a bad request.", KE(n[KE_ERRED_REQUEST])},
    {&ke_ended, "how", "error_internal", "error_internal",
     "Requests answered with Error 2: no keys, or a failure of the server.",
     KE(n[KE_ERRED_INTERNAL])},
    {&ke_ended, "how", "late_handshake", "late_handshake",
     "Connections cut at the deadline, before TLS was up.", KE(n[KE_LATE_HANDSHAKE])},
    {&ke_ended, "how", "late_request", "late_request",
     "Connections cut at the deadline with Error 1: the request was not complete.",
     KE(n[KE_LATE_REQUEST])},
    {&ke_ended, "how", "no_handshake", "no_handshake", "TLS handshakes that failed.",
     KE(n[KE_NO_HANDSHAKE])},
    {&ke_ended, "how", "no_alpn", "no_alpn", "Clients that offered no application protocol.",
     KE(n[KE_NO_ALPN])},
    {&ke_ended, "how", "abandoned", "abandoned", "Clients that left before their answer.",
     KE(n[KE_ABANDONED])},
    {&ke_paused, "cause", "full", "paused_full",
     "Pauses of accepting because max_connections were open.", KE(n[KE_PAUSED_FULL])},
    {&ke_paused, "cause", "error", "paused_error",
     "Pauses of accepting because descriptors or memory had run out.", KE(n[KE_PAUSED_ERROR])},
    {&ke_open, NULL, NULL, "open", "Connections open now, those being drained too.",
     AT(METRIC_KE, METRIC_U32, ke_counters, open)},
};
const size_t metrics_n = sizeof metrics / sizeof metrics[0];
