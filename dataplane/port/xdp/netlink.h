// Questions to the kernel by rtnetlink. Housekeeping's thread.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

// A netlink socket that hears of those groups (RTMGRP_*). `flags`: SOCK_NONBLOCK or 0. Returns the
// descriptor or -errno.
int netlink_open(uint32_t groups, int flags);

// Asks for all links (RTM_GETLINK) or addresses (RTM_GETADDR), and calls `visit` with each message
// of type `answer`. 0, or -errno; -EAGAIN: something changed meanwhile, and some may be missing.
int netlink_dump(uint16_t question, uint16_t answer,
                 void (*visit)(const struct nlmsghdr *message, void *with), void *with);
