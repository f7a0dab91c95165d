// The link between the supervisor and one child: a pair of SOCK_SEQPACKET sockets, made before each
// start. The child's end is HANDOVER_LINK; only the supervisor has the supervisor's end. The link
// is also the lifeline: a child whose link has ended ends itself.
//
// A message is a head, a text and descriptors. Neither end ever waits: a full queue is an error to
// the sender. A message that is not complete and well-formed is refused, and its descriptors are
// closed. A new type of message is a row of the table in link.c.
//
// Any thread; each end is used by one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum link_type {
    LINK_READY = 1, // child to supervisor, once: it serves
    LINK_LOG_LEVEL, // supervisor to child; text: the level, as `log.level` names it
    // Supervisor to child: prepare to take this configuration, and change nothing yet. Descriptors:
    // the configuration; to ke, where certificates have changed, then chain and key of each that
    // it names, and a listener for each new address. The answer is LINK_ACCEPTED or LINK_REFUSED.
    LINK_RELOAD,
    LINK_ACCEPTED, // child to supervisor: prepared, and taking it cannot fail
    // Supervisor to child: all others are prepared too: take it. The answer is LINK_APPLIED.
    LINK_COMMIT,
    LINK_CANCEL, // supervisor to child: forget what was prepared, if anything was. No answer
    // Child to supervisor: taken. Also the supervisor's answer to LINK_ASK_RELOAD: its text has the
    // settings by result, one line for each result: see LINK_SETTINGS_APPLIED.
    LINK_APPLIED,
    LINK_REFUSED,    // the other answer to LINK_RELOAD and LINK_ASK_RELOAD, and to LINK_READ and
                     // LINK_READ_FILES; text: the reason
    LINK_ASK_RELOAD, // control to supervisor: a request for a reload
    LINK_READ,       // supervisor to the reader of a reload; text: the configuration's path
    LINK_READ_FILES, // supervisor to the reader: only the certificates of the configuration in
                     // force
    LINK_CANDIDATE,  // the reader's answer: the configuration, then ke's secret files
    LINK_HEALTH,     // control to supervisor; text: "healthy", or "unhealthy" and a reason
    // Control to supervisor: what a client of the control socket wants, LINK_DRAIN_BEGIN, _CANCEL
    // or _STOP. The supervisor's answer, with the same id, and with id 0 to a control that has just
    // started: LINK_DRAIN_ON or _OFF.
    LINK_DRAIN,
    LINK_TYPES,
};

// The lines of LINK_APPLIED's text, each ending in a newline: the word, then a blank and a name for
// each setting.
#define LINK_SETTINGS_APPLIED "applied"
#define LINK_SETTINGS_UNCHANGED "unchanged"
#define LINK_SETTINGS_RESTART "restart" // not changed until noonmarkd is restarted

#define LINK_DRAIN_BEGIN "begin"
#define LINK_DRAIN_CANCEL "cancel"
#define LINK_DRAIN_STOP "stop" // only while the server drains
#define LINK_DRAIN_ON "draining"
#define LINK_DRAIN_OFF "serving"

enum {
    LINK_TEXT_MAX = 4096,      // octets, without the NUL; a path fits
    LINK_DESCRIPTORS_MAX = 34, // a configuration, ke's secret files, 16 listeners
};

struct link_message {
    uint32_t type; // enum link_type
    uint32_t id;   // of the reload that the message belongs to; 0: none
    uint32_t len;  // of text, without the NUL at its end
    uint32_t n;    // number of descriptors; close-on-exec, and the receiver closes them
    int fd[LINK_DESCRIPTORS_MAX];
    char text[LINK_TEXT_MAX + 1];
};

// Makes the pair; both ends are non-blocking and close-on-exec. 0 or -errno.
int link_pair(int ends[2]);

// Is this descriptor the end of such a pair?
bool link_is(int fd);

// Sends a message without descriptors; text may be NULL. Uses only send(), because ke's filter
// allows no more. 0; -EAGAIN: the queue is full; -EPIPE: the other end is closed; or another
// -errno.
int link_send(int link, enum link_type type, uint32_t id, const char *text);

// The same with descriptors, which the caller still owns.
int link_send_descriptors(int link, enum link_type type, uint32_t id, const int *fd, uint32_t n);

// Reads the next message, with up to `most` descriptors: with 0 the kernel accepts none. 1:
// *message is filled in. 0: the link has ended. -EAGAIN: there is no message. -EBADMSG: a malformed
// message, which has been discarded.
int link_receive(int link, uint32_t most, struct link_message *message);

// Closes the descriptors of a message, except those that were taken (set to -1).
void link_close_descriptors(struct link_message *message);
