// What lies in front of a frame that is sent with metadata: it asks the driver for a stamp of the
// departure, or tells it when the frame is to leave. Linux 6.8, launch time 6.14; Debian 12's
// headers have none of it. (Linux, Documentation/networking/xsk-tx-metadata.rst)
#pragma once

#include <stdint.h>

// Directly before the frame. The kernel writes `stamp` before the frame's buffer comes back in the
// completion ring.
struct tx_metadata {
    uint64_t flags;  // TX_METADATA_STAMP, TX_METADATA_LAUNCH
    uint64_t stamp;  // the device's clock in ns as the frame left; as it was: there is none. As the
                     // frame is sent it must be 0: checksums are asked for in this place
    uint64_t launch; // the device's clock in ns
};

enum {
    TX_METADATA_STAMP = 1 << 0,    // XDP_TXMD_FLAGS_TIMESTAMP
    TX_METADATA_LAUNCH = 1 << 2,   // XDP_TXMD_FLAGS_LAUNCH_TIME
    TX_METADATA_OPTION = 1 << 1,   // XDP_TX_METADATA, of struct xdp_desc: the frame has metadata
    TX_METADATA_LEN_FLAG = 1 << 2, // XDP_UMEM_TX_METADATA_LEN, of struct tx_metadata_umem
};

// struct xdp_umem_reg with its newest member.
struct tx_metadata_umem {
    uint64_t addr;
    uint64_t len;
    uint32_t chunk_size;
    uint32_t headroom;
    uint32_t flags;
    uint32_t tx_metadata_len; // octets in front of each frame that is sent
};
