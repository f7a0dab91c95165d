#include "control/show/facts.h"

#include "base/now.h"
#include "base/printable.h"
#include "control/keys/keys.h"
#include "control/time/time_source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *source_word(const struct config *config)
{
    static const char *const words[] = {[TIME_SYSTEM] = "system",
                                        [TIME_CHRONYD] = "chronyd",
                                        [TIME_PHC] = "phc",
                                        [TIME_FIXED] = "fixed"};
    return words[config->time.source];
}

// As the configuration has it; of chronyd the name of a reference clock, or an address.
static void reference_text(const struct config *config, const struct ntp_state *state,
                           char text[FACT_TEXT_LEN])
{
    const uint32_t id = state->reference_id;
    const char octets[4] = {(char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};

    if (config->time.source != TIME_CHRONYD) {
        snprintf(text, FACT_TEXT_LEN, "%s", config->time.reference_id);
    } else if (state->stratum == 1) {
        snprintf(text, FACT_TEXT_LEN, "%.4s", octets);
        printable(text, strlen(text));
    } else {
        snprintf(text, FACT_TEXT_LEN, "%u.%u.%u.%u", id >> 24, id >> 16 & 0xff, id >> 8 & 0xff,
                 id & 0xff);
    }
}

static int64_t nanoseconds(bool is_there, double seconds)
{
    const double ns = seconds * NS_PER_S;
    const double most = 9e18;
    return is_there && fabs(ns) < most ? (int64_t)ns : FACT_UNKNOWN; // not of a NaN either
}

static void describe_health(const struct health *health, struct control_facts *facts)
{
    static const int reason[HEALTH_REASONS] = {
        [HEALTH_STEPPED] = FACT_STEPPED, [HEALTH_CONTRADICTED] = FACT_CONTRADICTED,
        [HEALTH_STALE] = FACT_STALE,     [HEALTH_UNSYNCHRONISED] = FACT_UNSYNCHRONISED,
        [HEALTH_ERROR] = FACT_ERROR,
    };
    facts->changes = health->changes;
    facts->healthy = health->reason == HEALTH_GOOD;
    if (!facts->healthy)
        facts->unhealthy[reason[health->reason]] = 1;
}

static uint32_t role_of(const char *word)
{
    return strcmp(word, "current") == 0  ? FACT_KEY_CURRENT
           : strcmp(word, "future") == 0 ? FACT_KEY_FUTURE
                                         : FACT_KEY_OLD;
}

static void describe_keys(const struct status_sources *s, struct control_facts *facts)
{
    struct keys_line line[KEYS_LINES];
    facts->keys_failing = keys_failing(s->keys);
    facts->n_keys = (uint32_t)keys_describe(s->keys, now_ns(), line);
    for (uint32_t i = 0; i < facts->n_keys; i++) {
        const struct key_count count = board_key_count(s->dataplane, s->ke, line[i].id);
        facts->key[i] = (struct fact_key){.id = line[i].id,
                                          .role = role_of(line[i].role),
                                          .age_s = line[i].age_s,
                                          .opened = count.opened,
                                          .sealed = count.sealed};
    }
}

void facts_describe_fleet(const struct keys *keys, struct fact_fleet *fleet)
{
    struct fleet_report report;
    *fleet = (struct fact_fleet){0};
    if (!keys_fleet(keys, &report))
        return;
    snprintf(fleet->fingerprint, FACT_TEXT_LEN, "%s", report.fingerprint);
    fleet->serial = report.serial;
    fleet->ends_s = report.until_s;
    fleet->n_refused = report.file.n_refused;
    fleet->refused = report.file.refused;
    fleet->frozen = report.end == FLEET_ENDED;
}

void facts_describe(const struct status_sources *s, struct control_facts *facts)
{
    struct ntp_state state;
    struct time_report report;

    *facts = (struct control_facts){0};
    board_clock(&s->control->ntp_state, s->dataplane, &state);
    time_source_report(s->time, &report);
    const struct truth_view *said = &report.view;
    const bool served = state.serving != 0 && s->config->role != SERVE_KE;
    facts->error_bound_ns =
        nanoseconds(served, said->error_s + said->delay_s / 2 + report.line_error_ns / NS_PER_S);
    facts->source_offset_ns = nanoseconds(said->has_offset, said->offset_s);
    facts->source_age_ns = nanoseconds(said->has_offset, said->offset_age_s);
    describe_health(&report.health, facts);
    facts->smear_ns = nanoseconds(report.smears, report.smear_s);
    facts->smear_lost = report.smear_lost;
    facts->leap_list_bad = report.leap_list_bad;
    snprintf(facts->source, FACT_TEXT_LEN, "%s", source_word(s->config));
    reference_text(s->config, &state, facts->reference);
    describe_keys(s, facts);
    facts_describe_fleet(s->keys, &facts->fleet);
    facts->fleet.no_mover = s->config->keys.etcd.n_endpoints == 0;
}

void facts_publish(const struct status_sources *s, struct board_facts *board)
{
    struct control_facts facts;
    struct ntp_state_view view = {0};

    facts_describe(s, &facts);
    snapshot_publish(&board->facts, &facts, sizeof facts);
    if (ntp_state_refresh(&s->control->ntp_state, &view))
        ntp_state_publish(&board->ntp_state, &view.state);
    const _Atomic uint64_t *const from[] = {&s->control->heartbeat, &s->control->starts,
                                            &s->control->log_lost};
    _Atomic uint64_t *const to[] = {&board->heartbeat, &board->starts, &board->log_lost};
    for (int i = 0; i < 3; i++)
        atomic_store_explicit(to[i], atomic_load_explicit(from[i], memory_order_relaxed),
                              memory_order_relaxed);
    atomic_store_explicit(&board->version, BOARD_VERSION, memory_order_release);
}
