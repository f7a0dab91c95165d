// The families of metrics: names as OpenMetrics shows them, stable once released.
#include "board/metrics_families.h"

const struct metric_family family_process_heartbeat = {
    "noonmark_process_heartbeat_age_seconds", "Time since the process showed that it lives.",
    METRIC_GAUGE, "seconds"};
const struct metric_family family_process_starts = {
    "noonmark_process_starts", "Times that the process was started.", METRIC_COUNTER, ""};
const struct metric_family family_log_lost = {
    "noonmark_log_lines_lost", "Lines of log that the process lost.", METRIC_COUNTER, ""};
const struct metric_family family_clock_doubted = {
    "noonmark_clock_doubted", "Whether the dataplane finds the clock that control publishes wrong.",
    METRIC_GAUGE, ""};
const struct metric_family family_clock_serving = {
    "noonmark_clock_serving", "Whether the clock's line is fitted.", METRIC_GAUGE, ""};
const struct metric_family family_clock_leap = {
    "noonmark_clock_leap", "The leap indicator that is served.", METRIC_GAUGE, ""};
const struct metric_family family_clock_stratum = {"noonmark_clock_stratum",
                                                   "The stratum that is served.", METRIC_GAUGE, ""};
const struct metric_family family_clock_precision = {
    "noonmark_clock_precision_seconds", "The precision that is served.", METRIC_GAUGE, "seconds"};
const struct metric_family family_clock_root_delay = {
    "noonmark_clock_root_delay_seconds", "The root delay that is served.", METRIC_GAUGE, "seconds"};
const struct metric_family family_clock_root_dispersion = {
    "noonmark_clock_root_dispersion_seconds", "The root dispersion that is served, before it ages.",
    METRIC_GAUGE, "seconds"};
const struct metric_family family_clock_bound = {
    "noonmark_clock_bound_seconds",
    "How far CLOCK_REALTIME can be from the fitted line at its base.", METRIC_GAUGE, "seconds"};
const struct metric_family family_clock_growth = {
    "noonmark_clock_bound_growth_ratio",
    "How fast that bound grows, in seconds for each second since the line's base.", METRIC_GAUGE,
    "ratio"};
const struct metric_family family_clock_gates = {
    "noonmark_clock_gates", "Readings of CLOCK_REALTIME that the fitted line goes through.",
    METRIC_GAUGE, ""};
const struct metric_family family_clock_steps = {
    "noonmark_clock_steps", "Steps of CLOCK_REALTIME that control has noticed.", METRIC_COUNTER,
    ""};
const struct metric_family family_smear = {
    "noonmark_smear_seconds", "What ports that smear leap seconds add to CLOCK_REALTIME.",
    METRIC_GAUGE, "seconds"};
const struct metric_family family_smear_lost = {
    "noonmark_smear_lost", "Whether ports that smear cannot know if the clock has jumped.",
    METRIC_GAUGE, ""};
const struct metric_family family_leap_list_bad = {
    "noonmark_leap_list_bad", "Whether the list of leap seconds is of no use to ports that smear.",
    METRIC_GAUGE, ""};
const struct metric_family family_stamps_bound = {
    "noonmark_stamp_clock_bound_seconds",
    "How far the clock that stamps frames can be from the line fitted to it, at its base.",
    METRIC_GAUGE, "seconds"};
const struct metric_family family_stamps_growth = {
    "noonmark_stamp_clock_bound_growth_ratio",
    "How fast that bound grows, in seconds for each second since the line's base.", METRIC_GAUGE,
    "ratio"};
const struct metric_family family_stamps_gates = {
    "noonmark_stamp_clock_gates",
    "Readings of the clock that stamps frames that the line goes through.", METRIC_GAUGE, ""};
const struct metric_family family_port_link_up = {
    "noonmark_port_link_up", "Whether the port's link is up.", METRIC_GAUGE, ""};
const struct metric_family family_port_queues = {
    "noonmark_port_queues", "Queues of the port that are polled.", METRIC_GAUGE, ""};
const struct metric_family family_port_smears = {
    "noonmark_port_smears", "Whether the port smears leap seconds.", METRIC_GAUGE, ""};
const struct metric_family family_port_not_steered = {
    "noonmark_port_addresses_not_steered",
    "Local addresses that the port's XDP program has no room for.", METRIC_GAUGE, ""};
const struct metric_family family_port_missed = {
    "noonmark_port_missed_frames", "Frames that the device lost before any core saw them.",
    METRIC_COUNTER, ""};
const struct metric_family family_port_ring_full = {
    "noonmark_port_ring_full_frames",
    "Frames that an AF_XDP socket's full receive ring lost, which the missed frames include.",
    METRIC_COUNTER, ""};
const struct metric_family family_port_fill_empty = {
    "noonmark_port_fill_ring_empty",
    "How often the kernel found no empty buffer in an AF_XDP socket's fill ring.", METRIC_COUNTER,
    ""};
const struct metric_family family_port_invalid = {
    "noonmark_port_invalid_buffers",
    "Buffers of an AF_XDP socket that the kernel found invalid: 0 unless there is a bug.",
    METRIC_COUNTER, ""};
const struct metric_family family_port_received = {
    "noonmark_port_received_frames", "Frames that came to the port's queues.", METRIC_COUNTER, ""};
const struct metric_family family_port_frames = {
    "noonmark_port_frames",
    "Frames of a port that stamps them as they arrive, with and without a stamp.", METRIC_COUNTER,
    ""};
const struct metric_family family_port_hardware = {
    "noonmark_port_frames_hardware", "Frames that came with a stamp of their device's own clock.",
    METRIC_COUNTER, ""};
const struct metric_family family_port_believed = {
    "noonmark_port_frames_hardware_believed",
    "Frames whose arrival the stamp of their device's own clock has told.", METRIC_COUNTER, ""};
const struct metric_family family_key_age = {
    "noonmark_key_age_seconds", "Time since the cookie key was made.", METRIC_GAUGE, "seconds"};
const struct metric_family family_key_opened = {
    "noonmark_key_cookies_opened", "Cookies that the key has opened.", METRIC_COUNTER, ""};
const struct metric_family family_key_sealed = {
    "noonmark_key_cookies_sealed", "Cookies that the key has sealed.", METRIC_COUNTER, ""};
const struct metric_family family_guard_discarded = {
    "noonmark_guard_discarded_datagrams",
    "Datagrams to the NTP port that took the kernel's path and were discarded.", METRIC_COUNTER,
    ""};
const struct metric_family family_clients = {
    "noonmark_ntp_clients", "Different sources of requests, an estimate, by the window of time.",
    METRIC_GAUGE, ""};
const struct metric_family family_frames = {"noonmark_ntp_frames", "Frames received.",
                                            METRIC_COUNTER, ""};
const struct metric_family family_replies = {
    "noonmark_ntp_replies", "NTP replies sent, by their kind.", METRIC_COUNTER, ""};
const struct metric_family family_dropped = {
    "noonmark_ntp_dropped", "Frames and requests that got no reply, by the reason.", METRIC_COUNTER,
    ""};
const struct metric_family family_naks = {"noonmark_ntp_naks", "NTS NAKs sent, by their cause.",
                                          METRIC_COUNTER, ""};
const struct metric_family family_hints = {
    "noonmark_ntp_naks_of_other_periods",
    "NAKs for cookies of a fleet's keys of an earlier or a later time.", METRIC_COUNTER, ""};
const struct metric_family family_leaked = {
    "noonmark_ntp_limits_leaked", "Requests above a limit that were answered all the same.",
    METRIC_COUNTER, ""};
const struct metric_family family_dry = {
    "noonmark_ntp_limits_dry_run", "Requests that the limits would have dropped without dry_run.",
    METRIC_COUNTER, ""};
const struct metric_family family_overload = {
    "noonmark_core_overload_bursts", "Bursts that were handled on a rung of the overload ladder.",
    METRIC_COUNTER, ""};
const struct metric_family family_received = {"noonmark_ntp_received_bytes",
                                              "Octets of the frames received, without FCS.",
                                              METRIC_COUNTER, "bytes"};
const struct metric_family family_sent = {
    "noonmark_ntp_sent_bytes", "Octets of the frames sent, without FCS.", METRIC_COUNTER, "bytes"};
const struct metric_family family_cookies = {"noonmark_ntp_cookies", "New cookies sent to clients.",
                                             METRIC_COUNTER, ""};
const struct metric_family family_slow_path = {
    "noonmark_ntp_slow_path", "NTS requests of legal but unusual shape.", METRIC_COUNTER, ""};
const struct metric_family family_to_nts_port = {
    "noonmark_ntp_to_nts_port", "Packets to dataplane.nts_port.", METRIC_COUNTER, ""};
const struct metric_family family_busy = {
    "noonmark_core_busy_ticks", "Ticks of the time stamp counter spent in turns that had packets.",
    METRIC_COUNTER, "ticks"};
const struct metric_family family_stamps_refused = {
    "noonmark_ntp_stamps_refused", "Frames whose stamp of arrival could not be true.",
    METRIC_COUNTER, ""};
const struct metric_family family_stamps_hardware = {
    "noonmark_ntp_stamps_hardware", "Frames whose arrival the clock of their device has told.",
    METRIC_COUNTER, ""};
const struct metric_family family_departures_sampled = {
    "noonmark_ntp_departures_sampled", "Single replies whose departure a device has told.",
    METRIC_COUNTER, ""};
const struct metric_family family_departures_early = {
    "noonmark_ntp_departures_early", "Of these, replies that left before their timestamp.",
    METRIC_COUNTER, ""};
const struct metric_family family_composed_again = {"noonmark_core_bursts_composed_again",
                                                    "Bursts composed twice.", METRIC_COUNTER, ""};
const struct metric_family family_records_refused = {"noonmark_core_records_refused",
                                                     "Records of the board that a core kept out.",
                                                     METRIC_COUNTER, ""};
const struct metric_family family_departure_error = {
    "noonmark_ntp_departure_error_seconds",
    "How much later than it left a reply said that it would leave.", METRIC_HISTOGRAM, "seconds"};
const struct metric_family family_interleaved = {
    "noonmark_ntp_interleaved_replies",
    "Replies to requests that ask for interleaved mode, by the mode that they got.", METRIC_COUNTER,
    ""};
const struct metric_family family_departures = {
    "noonmark_ntp_departures",
    "Replies to requests that ask for interleaved mode, by what is known of their departure.",
    METRIC_COUNTER, ""};
const struct metric_family family_departures_hardware = {
    "noonmark_ntp_departures_hardware",
    "Of the known departures, those that the clock of their device has told.", METRIC_COUNTER, ""};
const struct metric_family family_turns = {"noonmark_core_turns",
                                           "Turns of the core's polling loop.", METRIC_COUNTER, ""};
const struct metric_family family_departure = {
    "noonmark_core_departure_seconds",
    "Time foreseen from composing a burst to the departure of its first reply.", METRIC_GAUGE,
    "seconds"};
const struct metric_family family_ke_accepted = {
    "noonmark_ke_accepted", "NTS-KE connections accepted.", METRIC_COUNTER, ""};
const struct metric_family family_ke_ended = {
    "noonmark_ke_ended", "NTS-KE connections that have ended, by how.", METRIC_COUNTER, ""};
const struct metric_family family_ke_paused = {
    "noonmark_ke_paused", "Pauses of accepting NTS-KE connections, by their cause.", METRIC_COUNTER,
    ""};
const struct metric_family family_ke_pool = {
    "noonmark_ke_pool_requests", "Requests to NTS-KE with a pool's token, by their outcome.",
    METRIC_COUNTER, ""};
const struct metric_family family_ke_pool_open = {
    "noonmark_ke_pool_open", "Connections open now on which a pool may send more requests.",
    METRIC_GAUGE, ""};
const struct metric_family family_ke_denied = {
    "noonmark_ke_denied",
    "NTS-KE connections closed at once, because the lists of prefixes do not answer their source.",
    METRIC_COUNTER, ""};
const struct metric_family family_ke_refused = {"noonmark_ke_refused",
                                                "NTS-KE connections closed before TLS, for want of "
                                                "CPU time or of a PROXY header, by their cause.",
                                                METRIC_COUNTER, ""};
const struct metric_family family_ke_dry_run = {
    "noonmark_ke_dry_run", "NTS-KE connections that a limit in its dry run would have refused.",
    METRIC_COUNTER, ""};
const struct metric_family family_ke_open = {"noonmark_ke_open", "NTS-KE connections open now.",
                                             METRIC_GAUGE, ""};
const struct metric_family family_ke_groups = {
    "noonmark_ke_groups", "TLS handshakes, by the group in which the keys were agreed.",
    METRIC_COUNTER, ""};
const struct metric_family family_ke_suites = {
    "noonmark_ke_suites", "TLS handshakes, by their cipher suite.", METRIC_COUNTER, ""};
const struct metric_family family_ke_keys = {
    "noonmark_ke_keys", "TLS handshakes, by the type of the certificate's key.", METRIC_COUNTER,
    ""};
const struct metric_family family_ke_cpu = {"noonmark_ke_cpu_seconds",
                                            "CPU time of the threads that serve NTS-KE.",
                                            METRIC_COUNTER, "seconds"};
const struct metric_family family_ke_handshake = {
    "noonmark_ke_handshake_seconds",
    "Time from accepting a connection to the end of its TLS handshake.", METRIC_HISTOGRAM,
    "seconds"};
const struct metric_family family_ke_exchange = {
    "noonmark_ke_exchange_seconds",
    "Time from accepting a connection to the end of its answer with cookies.", METRIC_HISTOGRAM,
    "seconds"};
const struct metric_family family_clock_error_bound = {
    "noonmark_clock_error_bound_seconds",
    "How wrong CLOCK_REALTIME may be: the source's error, half its delay, and the line's.",
    METRIC_GAUGE, "seconds"};
const struct metric_family family_source_offset = {"noonmark_clock_source_offset_seconds",
                                                   "The source's time minus CLOCK_REALTIME.",
                                                   METRIC_GAUGE, "seconds"};
const struct metric_family family_source_age = {"noonmark_clock_source_age_seconds",
                                                "Time since the source said its offset.",
                                                METRIC_GAUGE, "seconds"};
const struct metric_family family_clock_healthy = {
    "noonmark_clock_healthy", "Whether the clock is fit to be served as synchronised.",
    METRIC_GAUGE, ""};
const struct metric_family family_clock_unhealthy = {
    "noonmark_clock_unhealthy", "Whether this is the reason why the clock is unhealthy.",
    METRIC_GAUGE, ""};
const struct metric_family family_clock_changes = {
    "noonmark_clock_health_changes", "Changes between healthy and unhealthy.", METRIC_COUNTER, ""};
const struct metric_family family_tsc_hertz = {
    "noonmark_tsc_hertz", "Ticks of the time stamp counter in a second.", METRIC_GAUGE, "hertz"};
const struct metric_family family_keys = {"noonmark_keys", "Cookie keys that control has.",
                                          METRIC_GAUGE, ""};
const struct metric_family family_keys_failing = {
    "noonmark_keys_failing", "Whether the last attempt to make or write cookie keys has failed.",
    METRIC_GAUGE, ""};
const struct metric_family family_fleet_serial = {
    "noonmark_fleet_serial", "The serial number of the fleet's document in force.", METRIC_GAUGE,
    ""};
const struct metric_family family_fleet_end = {
    "noonmark_fleet_end_timestamp_seconds",
    "When the last span of the fleet's document ends, in Unix time.", METRIC_GAUGE, "seconds"};
const struct metric_family family_fleet_frozen = {
    "noonmark_fleet_frozen", "Whether the spans have ended, so that the last key is frozen.",
    METRIC_GAUGE, ""};
const struct metric_family family_fleet_refused = {
    "noonmark_fleet_document_refused",
    "Whether the fleet's document as it is now is refused, so that an earlier one is in force.",
    METRIC_GAUGE, ""};
const struct metric_family family_fleet_refusals = {
    "noonmark_fleet_refusals", "Documents of the fleet that were refused.", METRIC_COUNTER, ""};
const struct metric_family family_certificate_expiry = {
    "noonmark_certificate_expiry_timestamp_seconds",
    "When the first certificate of a chain that NTS-KE serves expires, in Unix time.", METRIC_GAUGE,
    "seconds"};
const struct metric_family family_metrics_requests = {
    "noonmark_metrics_requests", "HTTP requests to the metrics' process, by what was asked for.",
    METRIC_COUNTER, ""};
const struct metric_family family_metrics_cut = {
    "noonmark_metrics_connections_cut",
    "HTTP connections that were cut at their deadline, without a whole request or answer.",
    METRIC_COUNTER, ""};
const struct metric_family family_etcd_reads = {
    "noonmark_etcd_reads", "Answers of etcd to a read of the fleet's document.", METRIC_COUNTER,
    ""};
const struct metric_family family_etcd_values = {
    "noonmark_etcd_values",
    "Values of etcd's key that were new, or refused, by what became of them.", METRIC_COUNTER, ""};
const struct metric_family family_etcd_failures = {
    "noonmark_etcd_failures",
    "Requests to a member of etcd that failed, and files that failed, by kind.", METRIC_COUNTER,
    ""};
const struct metric_family family_etcd_appends = {
    "noonmark_etcd_appends", "Spans that this node wanted to append to the document in etcd.",
    METRIC_COUNTER, ""};
const struct metric_family family_etcd_read_time = {
    "noonmark_etcd_read_timestamp_seconds",
    "When a member of etcd answered a read last, in Unix time; 0: never.", METRIC_GAUGE, "seconds"};
const struct metric_family family_etcd_revision = {
    "noonmark_etcd_revision", "The revision of etcd's key at the last read; 0: it was not there.",
    METRIC_GAUGE, ""};
const struct metric_family family_etcd_member = {
    "noonmark_etcd_member",
    "The place in keys.fleet.etcd, from 0, of the member that answered last.", METRIC_GAUGE, ""};
const struct metric_family family_etcd_current = {
    "noonmark_etcd_current",
    "Whether the document in keys.fleet.file was the one in etcd at the last read.", METRIC_GAUGE,
    ""};
