// One key exchange: handshake, request, answer, orderly end. A state machine over a non-blocking
// socket; the loop calls it when the socket is ready and once more at the deadline.
//
// Belongs to one loop. RFC 8915, section 4.
#pragma once

#include "board/ke_counters.h"
#include "control/ke/ke_queue.h"
#include "control/ke/ke_records.h"
#include "control/ke/ke_responder.h"
#include "control/ke/ke_source.h"
#include "control/ke/tls.h"

#include <stdbool.h>
#include <stdint.h>

// Every object that epoll's data points to begins with one of these.
enum ke_source { KE_SOURCE_WAKE, KE_SOURCE_LISTENER, KE_SOURCE_CONNECTION };

enum ke_stage {
    KE_HANDSHAKING,
    KE_READING,   // the request is arriving
    KE_ANSWERING, // the response is sent, in one write
    KE_CLOSING,   // close_notify is sent
    KE_DRAINING, // our side is shut down; received octets are discarded, so that close sends no RST
    KE_ENDED,    // only ke_connection_free is left to do
};

struct ke_connection {
    enum ke_source source;
    int fd;
    SSL *session; // NULL once draining
    struct tls_wire wire;
    enum ke_stage stage;
    bool wants_write; // wait until the socket is writable; false: readable
    uint32_t drained;
    enum ke_counter end; // how the connection is counted once its last answer has been sent
    bool kept;           // a pool's: it stays for more requests, and has its place among those
    bool stays;          // after the answer that is being sent
    bool renewed;        // a kept one has been answered; the loop clears it
    struct ke_framing framing;
    uint32_t len; // octets of the request so far; later of the response

    // Used by the loop.
    struct ke_source_address from; // whom its CPU time is charged to
    struct proxy_header *header;   // of the PROXY protocol, owned; NULL: there is none to come
    struct ke_queue *queue;
    uint64_t deadline_ns;
    uint64_t began_ns; // when it was accepted
    struct ke_connection *previous, *next;
    bool armed_for_write;

    // The request, then the response: KE_REQUEST_MAX octets, owned; NULL until the handshake is
    // complete, because a client that never completes one is to cost little.
    uint8_t *octets;
};

// Takes over fd, a connected and non-blocking socket. NULL when memory runs out; then the caller
// still owns fd.
struct ke_connection *ke_connection_new(int fd, struct tls *tls);

// Continues as far as the socket allows. Counts the result of the exchange when it ends.
void ke_connection_turn(struct ke_connection *c, struct ke_responder *responder,
                        struct ke_counters *counters);

// The deadline of the exchange has passed: with a complete handshake the client gets Error 1.
// Afterwards the connection is draining or ended, or is sending its last octets: it does not wait
// for the client's request any more.
void ke_connection_expire(struct ke_connection *c, struct ke_counters *counters);

// Closes the socket and wipes secrets. Takes NULL.
void ke_connection_free(struct ke_connection *c);
