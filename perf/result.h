// The result of a command, for machines and for people.
#pragma once

#include "perf/outcome.h"
#include "perf/search.h"
#include "perf/target.h"

#include <stdio.h>

struct result {
    const struct plan *plan;
    uint64_t started_ns; // since 1970
    uint64_t ended_ns;
    char server[TARGET_TEXT_LEN]; // the address that was asked
    uint16_t udp_port;
    uint16_t aead; // 0: no NTS
    uint32_t cookie_len;
    const char *path;   // its kind
    const char *crypto; // the variant, "" without NTS
    uint64_t refused;   // ICMP: nobody listens
    bool stopped;       // by a signal
    // Sessions before and during the run.
    uint32_t sessions, sessions_failed, renewed;
    const struct outcome *outcome; // of a search the best; of a staircase the last
    const struct search *search;   // NULL: one trial
};

// The exit status that the result deserves.
int result_status(const struct result *result);

// The whole as one JSON object; CSV, a row a step or a second; a summary for people. Nothing is
// returned: who writes checks the stream.
void result_write_json(const struct result *result, FILE *out);
void result_write_csv(const struct result *result, FILE *out);
void result_write_text(const struct result *result, FILE *out);

// The head and one line of the table of steps, shown while they are made.
void result_write_step_head(FILE *out);
void result_write_step(const struct outcome_step *step, FILE *out);
