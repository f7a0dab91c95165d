// Questions to the kernel by netlink: rtnetlink, and generic netlink. Housekeeping's thread.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

// An rtnetlink socket that hears of those groups (RTMGRP_*). `flags`: SOCK_NONBLOCK or 0. Returns
// the descriptor or -errno.
int netlink_open(uint32_t groups, int flags);

// Asks for all links (RTM_GETLINK) or addresses (RTM_GETADDR), and calls `visit` with each message
// of type `answer`. 0, or -errno; -EAGAIN: something changed meanwhile, and some may be missing.
int netlink_dump(uint16_t question, uint16_t answer,
                 void (*visit)(const struct nlmsghdr *message, void *with), void *with);

// Sends the question to that protocol (NETLINK_GENERIC, say) and calls `visit` with each message of
// type `answer`, until the end that the question's flags promise: NLM_F_DUMP, or NLM_F_ACK. 0 or
// -errno, likewise.
int netlink_ask(int protocol, const struct nlmsghdr *request, uint16_t answer,
                void (*visit)(const struct nlmsghdr *message, void *with), void *with);
