// noonmarkctl keys, and the commands that change the keys.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/keys_changed.h"
#include "ctl/keys_document.h"
#include "ctl/keys_export.h"
#include "ctl/keys_import.h"
#include "ctl/keys_revoke.h"
#include "ctl/member.h"
#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

// "3 d 04:05:06", or without the days.
static const char *span(int64_t seconds, char text[32])
{
    const int64_t days = seconds / 86400;
    const int of_day = (int)(seconds % 86400);
    const int n = days > 0 ? snprintf(text, 32, "%" PRId64 " d ", days) : 0;
    snprintf(text + n, 32 - (size_t)n, "%02d:%02d:%02d", of_day / 3600, of_day / 60 % 60,
             of_day % 60);
    return text;
}

static void show_key(const json_t *key, FILE *out)
{
    char state[32], age[32], left[32];
    const json_t *old = json_object_get(key, "old");
    if (json_is_integer(old))
        snprintf(state, sizeof state, "old %" PRId64, (int64_t)json_integer_value(old));
    else
        snprintf(state, sizeof state, "%s", member_text(key, "role"));
    fprintf(out, "%-10s %-9s %15s  %17s %12" PRId64 " %12" PRId64 "%s\n", member_text(key, "id"),
            state, span(member_number(key, "age_s"), age),
            span(member_number(key, "opens_for_s"), left), member_number(key, "opened"),
            member_number(key, "sealed"), member_yes(key, "imported") ? "  imported" : "");
}

static void show_fleet(const json_t *fleet, FILE *out)
{
    const time_t ends = (time_t)member_number(fleet, "ends");
    struct tm utc;
    char until[32] = "?";
    if (gmtime_r(&ends, &utc) != NULL)
        strftime(until, sizeof until, "%Y-%m-%dT%H:%MZ", &utc);
    fprintf(out,
            "\nkeys of a fleet: serial %" PRId64 ", fingerprint %s, %" PRId64
            " spans until %s, %" PRId64 " keys revoked\n",
            member_number(fleet, "serial"), member_text(fleet, "fingerprint"),
            member_number(fleet, "spans"), until, member_number(fleet, "revoked"));
    if (member_yes(fleet, "frozen"))
        fputs("the last span has ENDED: its last key is frozen; add spans to the document\n", out);
    if (member_yes(fleet, "waits"))
        fputs("the clock is unhealthy: the keys stay as they are until it is healthy\n", out);
    if (member_yes(fleet, "refused"))
        fprintf(out, "the file as it is now is REFUSED: %s\n", member_text(fleet, "why"));
}

static void show_mover(const json_t *etcd, FILE *out)
{
    if (json_is_object(etcd))
        show_etcd(out, etcd);
}

static void show(const json_t *answer, FILE *out)
{
    char next[32], each[32];
    size_t i;
    json_t *key;
    fprintf(out, "%-10s %-9s %15s  %17s %12s %12s\n", "KEY", "STATE", "AGE", "OPENS COOKIES FOR",
            "OPENED", "SEALED");
    json_array_foreach(json_object_get(answer, "keys"), i, key) show_key(key, out);
    if (member_yes(answer, "rotating"))
        fputs("\na rotation is under way", out);
    else
        fprintf(out, "\nnext rotation in %s", span(member_number(answer, "next_rotation_s"), next));
    fprintf(out, ", one each %s, %" PRId64 " old keys kept\n",
            span(member_number(answer, "rotate_s"), each), member_number(answer, "keep"));
    if (json_is_object(json_object_get(answer, "fleet")))
        show_fleet(json_object_get(answer, "fleet"), out);
    show_mover(json_object_get(answer, "etcd"), out);
    if (member_yes(answer, "failing"))
        fputs("the last write of the key file has FAILED: see the server's log\n", out);
    else if (member_yes(answer, "writing"))
        fputs("the key file is being written\n", out);
}

static void show_rotated(const json_t *answer, FILE *out)
{
    keys_show_changed("rotated", answer, out);
}

static int rotate(const struct call *call)
{
    static const struct request request = {
        "keys rotate", KEYS_CHANGE_TIMEOUT_S,
        "the rotation may go on all the same: see noonmarkctl keys and the server's log"};
    return client_run(call, &request, show_rotated);
}

static int run(const struct call *call)
{
    static const struct request keys = {"keys", CLIENT_TIMEOUT_S, client_otherwise};
    const char *word = call->word != NULL ? call->word : "";
    const bool revokes = strcmp(word, "revoke") == 0, imports = strcmp(word, "import") == 0,
               exports = strcmp(word, "export") == 0;
    if (command_lists(KEYS_DOCUMENT_WORDS, word)) {
        fprintf(stderr, "noonmarkctl: write `noonmarkctl keys %s ...`, options behind it\n", word);
        return CALL_WRONG;
    }
    if ((!revokes && (call->id != NULL || call->yes)) || (!imports && call->seal) ||
        (!exports && call->force)) {
        fputs("noonmarkctl: --id and --yes belong to keys revoke, --seal to keys import, --force "
              "to keys export; leave them out\n",
              stderr);
        return CALL_WRONG;
    }
    if (revokes)
        return keys_revoke(call);
    if (imports)
        return keys_import(call);
    if (exports)
        return keys_export(call);
    return call->word != NULL ? rotate(call) : client_run(call, &keys, show);
}

const struct command command_keys = {
    .name = "keys",
    .words = "rotate revoke import export " KEYS_DOCUMENT_WORDS,
    .help = "cookie keys: states, ages, next rotation; changes them; documents",
    .run = run,
    .options = "id yes seal force",
    .with_file = "import export",
};
