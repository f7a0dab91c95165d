#include "metrics/places.h"

#include "base/printable.h"

#include <string.h>

void places_label(char *out, size_t room, const char *name, const char *value, size_t len)
{
    char clean[BOARD_NAME_LEN];
    size_t at = strlen(out);

    len = strnlen(value, len < sizeof clean ? len : sizeof clean);
    memcpy(clean, value, len);
    printable(clean, len);
    at += (size_t)snprintf(out + at, room - at, "%s%s=\"", at == 0 ? "" : ",", name);
    for (size_t i = 0; i < len && at + 4 < room; i++) {
        if (clean[i] == '"' || clean[i] == '\\')
            out[at++] = '\\';
        out[at++] = clean[i];
    }
    snprintf(out + at, room - at, "\"");
}

static struct place *add(struct places *p, enum metric_place kind, const void *at)
{
    struct place *place = &p->place[p->n++];
    *place = (struct place){.kind = kind, .at = at};
    return place;
}

static void add_process(struct places *p, enum metric_place kind, const void *at, const char *name)
{
    snprintf(add(p, kind, at)->labels, PLACE_LABELS_MAX, "process=\"%s\"", name);
}

// Partner: the release that publishes the number after the elements are written.
static uint32_t bounded(const _Atomic uint32_t *n, uint32_t max)
{
    const uint32_t v = atomic_load_explicit(n, memory_order_acquire);
    return v < max ? v : max;
}

static void gather_clock(const struct exposition_sources *s, struct places *p)
{
    struct stamp_line_view view = {0};

    p->clock_served = board_clock(&s->facts->ntp_state, s->dataplane, &p->clock) &&
                      board_dataplane_runs(s->dataplane);
    add(p, METRIC_CLOCK, &p->clock);
    if (!board_dataplane_runs(s->dataplane) || !stamp_line_refresh(&s->dataplane->stamps, &view))
        return;
    p->stamps = view.line;
    snprintf(add(p, METRIC_STAMPS, &p->stamps)->labels, PLACE_LABELS_MAX,
             "clock=\"CLOCK_MONOTONIC\"");
}

static void gather_facts(const struct exposition_sources *s, struct places *p)
{
    static const char *const role[FACT_ROLES] = {
        [FACT_KEY_CURRENT] = "current", [FACT_KEY_FUTURE] = "future", [FACT_KEY_OLD] = "old"};
    uint64_t seen;

    if (!snapshot_read(&s->facts->facts, &p->facts, sizeof p->facts, &seen)) {
        p->facts = (struct control_facts){0}; // control has not started yet
        return;
    }
    add(p, METRIC_FACTS, &p->facts);
    for (uint32_t i = 0; i < p->facts.n_keys && i < COOKIE_KEYS_MAX; i++) {
        const struct fact_key *key = &p->facts.key[i];
        p->key[i] =
            (struct metric_key){.age_s = key->age_s, .opened = key->opened, .sealed = key->sealed};
        snprintf(add(p, METRIC_KEY, &p->key[i])->labels, PLACE_LABELS_MAX,
                 "id=\"%08x\",role=\"%s\"", key->id, key->role < FACT_ROLES ? role[key->role] : "");
    }
    if (p->facts.fleet.fingerprint[0] != '\0')
        add(p, METRIC_FLEET, &p->facts.fleet);
}

static void gather_ke(const struct exposition_sources *s, struct places *p)
{
    uint64_t seen;

    ke_counters_read(&s->ke->counters, &p->ke);
    add(p, METRIC_KE, &p->ke);
    add(p, METRIC_KE_SESSIONS, &p->ke);
    for (uint32_t i = 0; i < bounded(&s->ke->n_certificates, CERTIFICATES_MAX); i++) {
        struct board_certificate *c = &p->certificate[i];
        if (!snapshot_read(&s->ke->certificate[i], c, sizeof *c, &seen))
            continue;
        places_label(add(p, METRIC_CERTIFICATE, c)->labels, PLACE_LABELS_MAX, "chain", c->chain,
                     sizeof c->chain);
    }
}

static void gather_dataplane(const struct exposition_sources *s, struct places *p)
{
    const struct board_dataplane *board = s->dataplane;

    for (uint32_t i = 0; i < bounded(&board->n_ports, PORTS_MAX); i++)
        places_label(add(p, METRIC_PORT, &board->port[i])->labels, PLACE_LABELS_MAX, "port",
                     board->port[i].name, BOARD_NAME_LEN);
    for (uint32_t i = 0; i < bounded(&board->n_cores, CORES_MAX); i++) {
        counters_read(&board->core[i], &p->core[i]);
        for (int twice = 0; twice < 2; twice++)
            snprintf(add(p, twice == 0 ? METRIC_CORES : METRIC_CORE, &p->core[i])->labels,
                     PLACE_LABELS_MAX, "core=\"%u\",cpu=\"%u\"", i, board->core_id[i]);
    }
    // It answers what the kernel delivers, on whatever CPU.
    counters_read(&board->kernel_path, &p->kernel_path);
    snprintf(add(p, METRIC_CORES, &p->kernel_path)->labels, PLACE_LABELS_MAX,
             "core=\"kernel_path\",cpu=\"any\"");
}

void places_gather(const struct exposition_sources *s, struct places *p)
{
    p->n = 0;
    add_process(p, METRIC_CONTROL, s->facts, "control");
    if (s->role != SERVE_NTP)
        add_process(p, METRIC_KE_PROCESS, s->ke, "ke");
    if (s->role != SERVE_KE)
        add_process(p, METRIC_DATAPLANE, s->dataplane, "dataplane");
    add_process(p, METRIC_EXPORTER, s->metrics, "metrics");
    if (s->role != SERVE_KE)
        gather_clock(s, p);
    gather_facts(s, p);
    // Only where there is such a process: a reload may have ended it.
    if (atomic_load_explicit(&s->etcd->starts, memory_order_relaxed) > 0 &&
        !p->facts.fleet.no_mover)
        add_process(p, METRIC_ETCD, s->etcd, "etcd");
    if (s->role != SERVE_KE)
        gather_dataplane(s, p);
    if (s->role != SERVE_NTP)
        gather_ke(s, p);
}
