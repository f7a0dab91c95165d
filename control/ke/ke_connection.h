// One key exchange: handshake, request, answer, orderly end. A state machine over a socket that
// never waits; the loop calls it when the socket can move and once more at the deadline.
//
// Belongs to one loop. RFC 8915, section 4.
#pragma once

#include "board/ke_counters.h"
#include "control/ke/ke_queue.h"
#include "control/ke/ke_records.h"
#include "control/ke/ke_responder.h"
#include "control/ke/tls.h"

#include <stdbool.h>
#include <stdint.h>

// What epoll's data points to begins with one of these.
enum ke_source { KE_SOURCE_STOP, KE_SOURCE_LISTENER, KE_SOURCE_CONNECTION };

enum ke_stage {
    KE_HANDSHAKING,
    KE_ASKING,    // the request is coming in
    KE_ANSWERING, // the response goes out, in one write
    KE_CLOSING,   // close_notify goes out
    KE_DRAINING,  // our side is shut; what still comes is thrown away, so that close sends no RST
    KE_ENDED,     // nothing left but ke_connection_free
};

struct ke_connection {
    enum ke_source source;
    int fd;
    SSL *session; // NULL once draining
    struct tls_wire wire;
    enum ke_stage stage;
    bool wants_write; // what to wait for
    uint32_t drained;
    enum ke_counter end; // how the exchange will count once its answer is out
    struct ke_framing framing;
    uint32_t len; // octets of the request so far, then of the response

    // The loop's.
    struct ke_queue *queue;
    uint64_t deadline_ns;
    struct ke_connection *previous, *next;
    bool armed_for_write;

    uint8_t octets[KE_REQUEST_MAX]; // the request, then the response
};

// Takes fd over, a connected and non-blocking socket. NULL when memory runs out; then fd stays the
// caller's.
struct ke_connection *ke_connection_new(int fd, struct tls *tls);

// Goes as far as the socket allows. The exchange's end is counted when it is reached.
void ke_connection_turn(struct ke_connection *c, struct ke_responder *responder,
                        struct ke_counters *counters);

// The deadline of the exchange has passed: with TLS up the client is told so with Error 1. Leaves
// the connection draining or ended, or about to: nothing in it waits for the client any more.
void ke_connection_expire(struct ke_connection *c, struct ke_counters *counters);

// Closes the socket and wipes what was secret. Takes NULL.
void ke_connection_free(struct ke_connection *c);
