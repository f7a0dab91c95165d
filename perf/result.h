// The result of a command, and its output for programs and for people.
#pragma once

#include "perf/outcome.h"
#include "perf/search.h"
#include "perf/target.h"

#include <stdio.h>

struct result {
    const struct plan *plan;
    uint64_t started_ns; // since 1970
    uint64_t ended_ns;
    char server[TARGET_TEXT_LEN]; // the address of the server
    uint16_t udp_port;
    uint16_t aead; // 0: no NTS
    uint32_t cookie_len;
    const char *path;   // the kind of path
    const char *crypto; // the variant, "" without NTS
    uint64_t refused;   // ICMP: port unreachable
    bool stopped;       // by a signal
    // Sessions before and during the run.
    uint32_t sessions, sessions_failed, renewed;
    const struct outcome *outcome; // the best step that met the objectives, else the last
    const struct search *search;   // NULL: one trial
};

// The exit status of the command.
int result_status(const struct result *result);

// Write the whole result: as one JSON object; as CSV, one row per step or second; as a summary for
// people. The caller checks the stream for errors.
void result_write_json(const struct result *result, FILE *out);
void result_write_csv(const struct result *result, FILE *out);
void result_write_text(const struct result *result, FILE *out);

// The head of the table of steps, and one line of it; printed while the steps run.
void result_write_step_head(FILE *out);
void result_write_step(const struct outcome_step *step, FILE *out);
