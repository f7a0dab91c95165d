// Frames with metadata in copy mode, linked instead of tx_features.c: the kernel stamps such frames
// by CLOCK_TAI when it frees them. With a simulated clock that keeps that time, these are stamps of
// the device's.
#include "dataplane/port/xdp/tx_features.h"

uint32_t tx_features_read(unsigned ifindex, bool zero_copy)
{
    (void)ifindex;
    (void)zero_copy;
    return TX_FEATURE_STAMP;
}
