#include "board/ke_counters.h"

const struct counter_text ke_counter_text[KE_COUNTER_COUNT] = {
    [KE_ACCEPTED] = {"accepted", "connections accepted"},
    [KE_COMPLETED] = {"completed", "key exchanges answered with cookies"},
    [KE_NO_COMMON] = {"no_common", "answered: no protocol or no AEAD in common"},
    [KE_ERRED_CRITICAL] = {"error_critical", "answered with Error 0: unknown critical record"},
    [KE_ERRED_REQUEST] = {"error_request", "answered with Error 1: bad request"},
    [KE_ERRED_INTERNAL] = {"error_internal", "answered with Error 2: no keys, or a failure here"},
    [KE_LATE_HANDSHAKE] = {"late_handshake", "cut at the deadline, before TLS was up"},
    [KE_LATE_REQUEST] = {"late_request", "cut at the deadline with Error 1"},
    [KE_NO_HANDSHAKE] = {"no_handshake", "TLS handshakes that failed"},
    [KE_NO_ALPN] = {"no_alpn", "clients that offered no application protocol"},
    [KE_ABANDONED] = {"abandoned", "clients that left before their answer"},
    [KE_PAUSED_FULL] = {"paused_full", "pauses of accepting at max_connections"},
    [KE_PAUSED_ERROR] = {"paused_error", "pauses of accepting for want of descriptors or memory"},
};
