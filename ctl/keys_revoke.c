// `noonmarkctl keys revoke`: a key, or all of them, may be known to somebody else.
#include "ctl/keys_revoke.h"

#include "ctl/client.h"
#include "ctl/keys_changed.h"
#include "ctl/member.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const json_t *key_named(const json_t *keys, const char *id)
{
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key) if (strcmp(member_text(key, "id"), id) == 0) return key;
    return NULL;
}

// What the revocation will cost, in words.
static void warn(const json_t *keys, const json_t *key)
{
    size_t i;
    json_t *each;
    int64_t opened = 0;
    json_array_foreach(keys, i, each) opened += member_number(each, "opened");
    if (key == NULL)
        fprintf(stderr,
                "All cookie keys are revoked: no cookie of any client opens any more. Each client "
                "gets a NAK\nat its next request and repeats NTS-KE. These keys have opened "
                "%" PRId64 " cookies.\n",
                opened);
    else
        fprintf(stderr,
                "Key %s is revoked: clients that have only cookies of it get a NAK and repeat "
                "NTS-KE.\nIt is the %s key, and has opened %" PRId64 " of the %" PRId64
                " cookies that these keys have opened,\nand sealed %" PRId64 ".\n",
                member_text(key, "id"), member_text(key, "role"), member_number(key, "opened"),
                opened, member_number(key, "sealed"));
}

// True when a person says yes.
static bool agreed(void)
{
    char line[16] = "";
    fputs("Revoke? [y/N] ", stderr);
    return fgets(line, sizeof line, stdin) != NULL && (*line == 'y' || *line == 'Y');
}

static int complain(const char *why)
{
    fprintf(stderr, "noonmarkctl: %s\n", why);
    return EXIT_FAILURE;
}

static void show_revoked(const json_t *answer, FILE *out)
{
    keys_show_changed("revoked", answer, out);
}

static int revoke_now(const struct call *call, const json_t *key)
{
    char line[32] = "keys revoke";
    if (key != NULL)
        snprintf(line, sizeof line, "keys revoke %s", member_text(key, "id"));
    const struct request request = {
        line, KEYS_CHANGE_TIMEOUT_S,
        "the revocation may go on all the same: see noonmarkctl keys and the server's log"};
    return client_run(call, &request, show_revoked);
}

int keys_revoke(const struct call *call)
{
    static const struct request request = {"keys", CLIENT_TIMEOUT_S, client_otherwise};
    if (!call->yes && !isatty(STDIN_FILENO)) {
        complain("keys revoke asks before it revokes, and standard input is no terminal; give "
                 "--yes");
        return CALL_WRONG;
    }
    json_t *answer = client_ask(call, &request);
    if (answer == NULL)
        return EXIT_FAILURE;
    const json_t *keys = json_object_get(answer, "keys");
    const json_t *key = call->id != NULL ? key_named(keys, call->id) : NULL;
    int status = EXIT_FAILURE;
    if (call->id != NULL && key == NULL) {
        complain("no key has that id; noonmarkctl keys shows the ids");
    } else {
        warn(keys, key);
        if (call->yes || agreed())
            status = revoke_now(call, key);
        else
            complain("nothing was revoked");
    }
    json_decref(answer);
    return status;
}
