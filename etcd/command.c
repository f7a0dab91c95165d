#include "etcd/command.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "config/config.h"
#include "etcd/gateway.h"
#include "etcd/members.h"
#include "etcd/step.h"
#include "etcd/terms.h"
#include "etcd/value.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };

// Key material.
struct command {
    struct config *config;
    struct terms terms;
    struct members *members;
    struct gateway_range range;
    bool has_old; // etcd has a document that opens
    struct fleet_document old, new;
    char old_text[FLEET_TEXT_MAX], new_text[FLEET_TEXT_MAX];
    size_t old_len, new_len;
    uint8_t sealed[VALUE_MAX];
    bool force;
};

static const char usage[] =
    "Usage: noonmark-etcd [-c FILE] get\n"
    "       noonmark-etcd [-c FILE] [--force] put FILE\n"
    "\n"
    "Reads or replaces the document of a fleet that etcd keeps, with the members, certificates "
    "and\n"
    "seal of the configuration's keys.fleet. get prints it; it has the fleet's secrets. put seals\n"
    "the document in FILE (-: standard input) and writes it, if its serial is higher than that in\n"
    "etcd. The servers take it within seconds.\n"
    "\n"
    "  -c FILE   the configuration; " CONFIG_DEFAULT_PATH " if it is not named\n"
    "  --force   put it whatever is there, a value that cannot be opened among it; servers that\n"
    "            have a higher serial will refuse it\n"
    "  -h        this text\n"
    "  -V        the version\n";

// The user of the server, who may own the secret files; root if there is none.
static uid_t owner_of(const char *text)
{
    const struct passwd *found = getpwnam(text);
    char *end;

    if (found != NULL)
        return found->pw_uid;
    const unsigned long uid = strtoul(text, &end, 10);
    return end != text && (*end == '\0' || *end == ':') ? (uid_t)uid : 0;
}

static bool begin(struct command *c, const char *path)
{
    struct config_error error;
    char why[DISK_WHY_MAX];

    if (config_load(path, &c->config, &error) != 0) {
        log_error("%s", error.text);
        return false;
    }
    if (!terms_load(c->config, owner_of(c->config->control.user), &c->terms, why)) {
        log_error("%s", why);
        return false;
    }
    gateway_begin();
    if (post_begin() == 0)
        c->members = members_open(&c->terms.members);
    if (c->members == NULL)
        log_error("libcurl cannot be used: no memory");
    return c->members != NULL;
}

// What etcd has now. False: it does not answer, or has what cannot be opened.
static bool read_old(struct command *c)
{
    const struct config_etcd *e = &c->config->keys.etcd;
    struct fleet_error error;
    char why[GATEWAY_WHY_MAX];

    if (!members_read(c->members, now_ns(), &c->range, why)) {
        log_error("no member of keys.fleet.etcd answers; the last said: %s", why);
        return false;
    }
    if (!c->range.found)
        return true;
    const enum value_fault fault = value_open(c->terms.seal, e->key, c->range.value, c->range.len,
                                              c->old_text, &c->old_len, &c->old, &error);
    c->has_old = fault == VALUE_GOOD;
    if (fault == VALUE_GOOD || c->force)
        return true;
    log_error("the value of etcd's key %s is refused: line %u: %s", e->key, error.line, error.text);
    return false;
}

static int get(struct command *c)
{
    if (!read_old(c))
        return EXIT_FAULT;
    if (!c->range.found) {
        log_error("etcd has no key %s; put the first document with `noonmark-etcd put FILE`",
                  c->config->keys.etcd.key);
        return EXIT_FAULT;
    }
    fwrite(c->old_text, 1, c->old_len, stdout);
    return fflush(stdout) == 0 ? 0 : EXIT_FAULT;
}

static bool read_new(struct command *c, const char *path)
{
    struct fleet_error error;
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

    if (in == NULL) {
        log_error("%s: cannot be opened", path);
        return false;
    }
    setvbuf(in, NULL, _IONBF, 0); // no copy of it in a buffer
    c->new_len = fread(c->new_text, 1, sizeof c->new_text, in);
    const bool whole = ferror(in) == 0 && fgetc(in) == EOF;
    if (in != stdin)
        fclose(in);
    if (!whole) {
        log_error("%s: cannot be read, or is longer than %d octets", path, FLEET_TEXT_MAX);
        return false;
    }
    if (fleet_document_parse(c->new_text, c->new_len, &c->new, &error))
        return true;
    log_error("%s:%u: %s", path, error.line, error.text);
    return false;
}

static int put(struct command *c, const char *path)
{
    const struct config_etcd *e = &c->config->keys.etcd;
    char why[GATEWAY_WHY_MAX];
    bool written = false;

    if (!read_new(c, path) || !read_old(c))
        return EXIT_FAULT;
    if (!c->force && step_judge(c->has_old ? &c->old : NULL, &c->new) != STEP_NEW) {
        log_error("%s:%d: its serial is %llu, but etcd has %llu; write a higher one", path, 1,
                  (unsigned long long)c->new.serial, (unsigned long long)c->old.serial);
        return EXIT_FAULT;
    }
    if (!seal_close(c->terms.seal, e->key, (const uint8_t *)c->new_text, c->new_len, c->sealed)) {
        log_error("libcrypto cannot seal the document");
        return EXIT_FAULT;
    }
    if (!members_write(c->members, now_ns(), c->range.mod_revision, c->sealed,
                       c->new_len + SEAL_OVERHEAD, &written, why)) {
        log_error("no member of keys.fleet.etcd has answered; whether it was written is not known "
                  "(see `noonmark-etcd get`); the last said: %s",
                  why);
        return EXIT_FAULT;
    }
    if (!written)
        log_error("another writer came first; look at the document again, and put it again");
    return written ? 0 : EXIT_FAULT;
}

static int run(struct command *c, const char *config, char **words, int n)
{
    const bool gets = n == 1 && strcmp(words[0], "get") == 0,
               puts_one = n == 2 && strcmp(words[0], "put") == 0;

    if (!gets && !puts_one) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!begin(c, config))
        return EXIT_FAULT;
    const int result = gets ? get(c) : put(c, words[1]);
    members_close(c->members);
    return result;
}

int command_main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"force", no_argument, NULL, 'f'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    const char *config = CONFIG_DEFAULT_PATH;
    int option;
    bool force = false;

    while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'f':
            force = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'V':
            puts("noonmark-etcd " NOONMARK_VERSION);
            return 0;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // it reads keys
    struct command *c = secret_alloc(sizeof *c);
    if (c == NULL) {
        log_error("no memory");
        return EXIT_FAULT;
    }
    c->force = force;
    const int result = run(c, config, argv + optind, argc - optind);
    config_free(c->config);
    secret_free(c, sizeof *c);
    return result;
}
