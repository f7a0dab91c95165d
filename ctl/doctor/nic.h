// What the kernel tells of a network interface: asked by ethtool's ioctls and over rtnetlink.
#pragma once

#include <net/if.h>

#include <stdbool.h>
#include <stdint.h>

// Each `known` is false when the driver, or the kernel for this user, does not tell.
struct nic {
    char name[IFNAMSIZ]; // "": this port is no interface
    bool exists;
    char driver[32]; // "": not known
    bool up;         // switched on
    bool link;       // and something is at the other end
    struct {
        bool known;
        uint32_t rx, tx;       // receive and transmit queues in use
        uint32_t most;         // combined channels at most; 0: it has separate ones
        uint32_t combined_now; // of these, in use
    } queues;
    struct {
        bool known;
        bool has_ports; // UDP ports are a part of the hash
    } hash[2];          // of udp4, udp6
    struct {
        bool known;
        uint32_t rx, rx_most;
    } ring;
    struct {
        bool known;
        bool lro, vlan_stripped;
    } offload;
    struct {
        bool known;
        bool adaptive;
        uint32_t usecs, frames;
    } moderation;
    struct {
        bool known;
        bool rx_all, tx; // the device can stamp each frame that arrives; frames that leave
        bool tx_software;
        int phc; // number of /dev/ptp; -1: none
    } stamps;
    struct {
        bool known;
        uint32_t id; // 0: no program
        bool generic;
    } program;
};

// Fills in *nic for the interface of this name. 0, or -errno when nothing could be asked.
int nic_look(const char *name, struct nic *nic);
