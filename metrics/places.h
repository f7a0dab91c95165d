// The structs of the board that have metrics, as they are at this moment, each with the labels that
// tell it from others of its kind.
#pragma once

#include "board/metrics.h"
#include "metrics/exposition.h"

enum {
    PLACES_MAX = 16 + 2 * CORES_MAX + PORTS_MAX + COOKIE_KEYS_MAX + CERTIFICATES_MAX,
    PLACE_LABELS_MAX = 2 * BOARD_NAME_LEN + 64, // every octet of a name may have to be escaped
};

struct place {
    enum metric_place kind;
    const void *at;
    char labels[PLACE_LABELS_MAX]; // core="0",cpu="1"; or ""
};

struct places {
    size_t n;
    struct place place[PLACES_MAX];
    struct control_facts facts;
    struct ntp_state clock;
    bool clock_served; // the dataplane runs and does not doubt it
    struct stamp_line stamps;
    struct ke_counters ke;
    struct metric_key key[COOKIE_KEYS_MAX];
    struct board_certificate certificate[CERTIFICATES_MAX];
    struct core_counters core[CORES_MAX], kernel_path;
};

void places_gather(const struct exposition_sources *sources, struct places *places);

// Writes NAME="VALUE" to out, behind a comma where out is not empty. The value comes from another
// process: at most len octets of it, which may have no NUL, are made printable and escaped.
void places_label(char *out, size_t room, const char *name, const char *value, size_t len);
