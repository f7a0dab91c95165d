// An XDP program from the outside. What the program does stands in its own header. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A program as the build embedded it.
struct xdp_program {
    const char *name; // in the kernel: at most 15 characters
    const unsigned char *object;
    const size_t *len; // octets of object
    bool stamps;       // it writes a struct steer_stamp in front of each frame for the server
    bool own;          // which has the device's own stamp, where the device tells one
    bool for_device; // it asks the driver of the frame (Linux 6.3), and is loaded for one interface
};

// The id of the program that is attached to the interface; 0: none. Needs no right. 0 or -errno.
int xdp_program_id(unsigned ifindex, uint32_t *id);
