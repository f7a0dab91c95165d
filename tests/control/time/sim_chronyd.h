// A simulated chronyd behind a pair of datagram sockets. Single-threaded.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sim_chronyd {
    int fd;      // the time source's end, non-blocking
    int own;     // chronyd's end
    bool silent; // discards the questions
    unsigned asked;
    uint8_t status; // of the replies; 0: success
    uint16_t stratum, leap;
    uint32_t reference_id;
    int64_t updated_ns; // since 1970
    double correction_s, root_delay_s, root_dispersion_s;
};

// A chronyd that follows 192.0.2.1 well.
void sim_chronyd_open(struct sim_chronyd *sim);
void sim_chronyd_close(struct sim_chronyd *sim);

// Answers all questions that have come.
void sim_chronyd_answer(struct sim_chronyd *sim);
