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

void ke_counters_take_over(struct ke_counters *counters)
{
    uint64_t ended = 0;
    for (int i = KE_ENDS_FIRST; i <= KE_ENDS_LAST; i++)
        ended += ke_counted(counters, (enum ke_counter)i);
    uint64_t accepted = ke_counted(counters, KE_ACCEPTED);
    if (accepted > ended)
        atomic_fetch_add_explicit(&counters->n[KE_ABANDONED], accepted - ended,
                                  memory_order_relaxed);
    atomic_store_explicit(&counters->open, 0, memory_order_relaxed);
}
