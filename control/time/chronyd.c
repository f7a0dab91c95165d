// Questions to chronyd, and its answers.
#include "control/time/chronyd.h"

#include "base/log.h"
#include "board/ntp_state.h"

#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum {
    ANSWERS = 8, // read in one turn; late ones wait in the socket
    ROOM = 512,  // of an answer: longer ones are cut, and are then not what was asked for
};

void chronyd_open(struct chronyd *chronyd, int fd)
{
    *chronyd = (struct chronyd){.fd = fd};
}

static void say_useless(enum chrony_verdict verdict)
{
    static struct log_limit limit;
    log_limited(&limit, LOG_LEVEL_WARNING,
                verdict == CHRONY_REFUSED
                    ? "chronyd refuses to tell of its clock; `cmdallow` in chrony.conf must allow "
                      "this host, and chrony must be 2.2 or later"
                    : "chronyd's answer is out of range and is ignored");
}

static bool is_settled(const struct chronyd *chronyd)
{
    return chronyd->heard_ns != 0 && chronyd->heard_ns == chronyd->asked_ns &&
           chronyd->said.leap != LEAP_UNKNOWN;
}

static void hear(struct chronyd *chronyd, const uint8_t *packet, size_t len)
{
    struct chrony_tracking said;
    const enum chrony_verdict verdict = chrony_reply(packet, len, chronyd->number, &said);

    if (verdict == CHRONY_REFUSED || verdict == CHRONY_BROKEN)
        say_useless(verdict);
    if (verdict != CHRONY_GOOD || chronyd->heard_ns == chronyd->asked_ns)
        return; // each question has one answer
    chronyd->said = said;
    chronyd->heard_ns = chronyd->asked_ns;
}

void chronyd_turn(struct chronyd *chronyd, uint64_t now_ns)
{
    uint8_t packet[ROOM];

    // While nobody listens at the port, the kernel says so at every second read or write.
    for (int i = 0; i < ANSWERS; i++) {
        const ssize_t len = read(chronyd->fd, packet, sizeof packet);
        if (len < 0)
            break;
        hear(chronyd, packet, (size_t)len);
    }
    if (now_ns < chronyd->due_ns)
        return;
    const bool settled = is_settled(chronyd);
    chrony_request(++chronyd->number, packet);
    const ssize_t sent = write(chronyd->fd, packet, CHRONY_PACKET_LEN);
    (void)sent; // one that could not be sent gets no answer
    chronyd->asked_ns = now_ns;
    chronyd->due_ns = now_ns + (settled ? CHRONYD_POLL_MS : CHRONYD_POLL_SOON_MS) * MS_NS;
}

void chronyd_ask_soon(struct chronyd *chronyd)
{
    chronyd->due_ns = 0;
}
