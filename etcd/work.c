// The state of one node towards etcd, and what each answer changes in it.
#include "etcd/work.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/now.h"
#include "base/secret.h"
#include "crypto/registers.h"
#include "etcd/members.h"
#include "etcd/step.h"
#include "etcd/terms.h"
#include "etcd/value.h"
#include "fleet/time.h"

#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    RETRY_MS = 10000,      // after the secret could not be read
    FACTS_STALE_MS = 5000, // control has not told anything for as long
    NEVER_SAID = -1,
};

struct work {
    const struct config *config;
    const struct board_facts *facts;
    struct board_etcd *board;
    struct members *members; // NULL: the secret has not been read yet
    uint64_t read_due_ns;
    uint64_t unchanged_ns;
    uint64_t revision; // of the key, at the last read
    bool held;         // step.h
    int said;          // the kind of fault that the log has told of
    // Key material from here on.
    struct terms terms;
    bool has_present;
    struct fleet_document present; // of the file, or what was last in it
    struct fleet_document other;
    char text[FLEET_TEXT_MAX];
    uint8_t sealed[VALUE_MAX];
    struct gateway_range range; // sealed, but with the rest
};

static void count(struct work *w, enum etcd_counter counter)
{
    atomic_fetch_add_explicit(&w->board->n[counter], 1, memory_order_relaxed);
}

// A fault: counted each time, told once until there is another one or none.
__attribute__((format(printf, 3, 4))) static void fault(struct work *w, enum etcd_counter counter,
                                                        const char *format, ...)
{
    char line[DISK_WHY_MAX + 512];
    va_list arguments;

    count(w, counter);
    w->held = false;
    atomic_store_explicit(&w->board->current, 0, memory_order_relaxed);
    if (w->said == (int)counter)
        return;
    w->said = (int)counter;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log_warning("%s; the keys of %s stay in use", line, w->config->keys.fleet_file);
}

// What is in the file now: an operator may have put a newer document there by hand. What cannot be
// read changes nothing.
static void look_at_file(struct work *w)
{
    char why[DISK_WHY_MAX];
    struct fleet_error error;
    size_t len;

    if (disk_read_document(w->config->keys.fleet_file, w->text, sizeof w->text, &len, why) &&
        len > 0 && fleet_document_parse(w->text, len, &w->other, &error) &&
        step_judge(w->has_present ? &w->present : NULL, &w->other) == STEP_NEW) {
        w->present = w->other;
        w->has_present = true;
    }
}

// Does the clock say what time it is? Control writes the facts; without control nobody knows.
static bool synchronised(const struct work *w, uint64_t now_ns)
{
    struct control_facts facts;
    uint64_t seen;
    const uint64_t beat = atomic_load_explicit(&w->facts->heartbeat, memory_order_relaxed);

    return snapshot_read(&w->facts->facts, &facts, sizeof facts, &seen) && facts.healthy &&
           now_ns - beat < FACTS_STALE_MS * (uint64_t)NOW_NS_PER_MS;
}

static void plan_read(struct work *w, uint64_t now_ns)
{
    uint16_t jitter = 0;

    RAND_bytes((unsigned char *)&jitter, sizeof jitter);
    w->read_due_ns = now_ns + (STEP_POLL_MS + jitter % STEP_JITTER_MS) * (uint64_t)NOW_NS_PER_MS;
}

static void say_taken(const struct fleet_document *d, uint64_t revision)
{
    char until[FLEET_TIME_LEN];

    fleet_time_print(d->span[d->n_spans - 1].until_s, until, sizeof until);
    log_info("document with serial %llu (etcd's revision %llu) taken; its spans end at %s",
             (unsigned long long)d->serial, (unsigned long long)revision, until);
}

// Puts the text of w->other into the file.
static void take(struct work *w, size_t len)
{
    char why[DISK_WHY_MAX];

    if (!disk_write_document(w->config->keys.fleet_file, w->text, len, why)) {
        fault(w, ETCD_FILES, "%s", why);
        return;
    }
    w->present = w->other;
    w->has_present = true;
    w->held = true;
    count(w, ETCD_TAKEN);
    say_taken(&w->present, w->revision);
}

static void judge(struct work *w, size_t len)
{
    const unsigned long long has = w->has_present ? (unsigned long long)w->present.serial : 0,
                             got = (unsigned long long)w->other.serial;

    switch (step_judge(w->has_present ? &w->present : NULL, &w->other)) {
    case STEP_NEW:
        take(w, len);
        break;
    case STEP_SAME:
        w->held = true;
        break;
    case STEP_OLDER:
        fault(w, ETCD_OLDER,
              "etcd has the document with serial %llu, but this node has %llu: a backup, or a "
              "member that is behind; put the newer one with `noonmark-etcd put`",
              got, has);
        break;
    case STEP_OTHER:
    case STEP_VERDICTS:
        fault(w, ETCD_OTHER,
              "etcd has another document with serial %llu than this node; put one with a higher "
              "serial",
              got);
        break;
    }
}

// The last read's value.
static void hear(struct work *w, uint64_t now_ns)
{
    struct fleet_error error;
    size_t len;

    if (!w->held || w->revision != (uint64_t)w->range.mod_revision)
        w->unchanged_ns = now_ns;
    w->revision = (uint64_t)w->range.mod_revision;
    atomic_store_explicit(&w->board->revision, w->revision, memory_order_relaxed);
    if (!w->range.found) {
        fault(w, ETCD_EMPTY, "etcd has no key %s; put the first document with `noonmark-etcd put`",
              w->config->keys.etcd.key);
        return;
    }
    const enum value_fault opened =
        value_open(w->terms.seal, w->config->keys.etcd.key, w->range.value, w->range.len, w->text,
                   &len, &w->other, &error);
    if (opened != VALUE_GOOD) {
        fault(w, opened == VALUE_UNOPENED ? ETCD_UNOPENED : ETCD_BAD,
              "the value of etcd's key %s is refused: line %u: %s", w->config->keys.etcd.key,
              error.line, error.text);
        return;
    }
    judge(w, len);
    if (w->held) {
        atomic_store_explicit(&w->board->current, 1, memory_order_relaxed);
        if (w->said != NEVER_SAID)
            log_info("the document in etcd is the one in %s again", w->config->keys.fleet_file);
        w->said = NEVER_SAID;
    }
}

// The members' failures, kind by kind: the board has those of all starts.
static void count_failures(struct work *w, const struct members_counts *before)
{
    static const enum etcd_counter counter[MEMBERS_FAILURES] = {
        [MEMBERS_UNREACHED] = ETCD_UNREACHED,
        [MEMBERS_AWAY] = ETCD_AWAY,
        [MEMBERS_REFUSED] = ETCD_REFUSED,
        [MEMBERS_STRANGE] = ETCD_STRANGE,
    };
    const struct members_counts *now = members_counts(w->members);

    for (int i = 0; i < MEMBERS_FAILURES; i++)
        atomic_fetch_add_explicit(&w->board->n[counter[i]], now->failed[i] - before->failed[i],
                                  memory_order_relaxed);
}

static void read_once(struct work *w, uint64_t now_ns)
{
    const struct members_counts before = *members_counts(w->members);
    char why[GATEWAY_WHY_MAX];

    plan_read(w, now_ns);
    const bool answered = members_read(w->members, now_ns, &w->range, why);
    count_failures(w, &before);
    look_at_file(w);
    if (answered) {
        count(w, ETCD_READS);
        atomic_store_explicit(&w->board->read_s, time(NULL), memory_order_relaxed);
        atomic_store_explicit(&w->board->member, members_endpoint(w->members),
                              memory_order_relaxed);
        hear(w, now_ns);
        return;
    }
    w->held = false;
    atomic_store_explicit(&w->board->current, 0, memory_order_relaxed);
    if (why[0] != '\0' && w->said != ETCD_UNREACHED) {
        w->said = ETCD_UNREACHED;
        log_warning("no member of etcd answers (the last said: %s); the keys of %s stay in use",
                    why, w->config->keys.fleet_file);
    }
}

// An answer that does not come leaves open whether it was written: the next read tells.
static void append(struct work *w, uint64_t now_ns)
{
    const struct members_counts before = *members_counts(w->members);
    const struct config_etcd *e = &w->config->keys.etcd;
    char why[GATEWAY_WHY_MAX];
    const char *fails = NULL;
    bool written = false;

    w->unchanged_ns = now_ns;
    w->read_due_ns = now_ns;
    if (!step_append(&w->present, time(NULL), e->lead_s, &w->other, &fails)) {
        fault(w, ETCD_BAD, "no span can be appended: %s", fails);
        return;
    }
    const size_t len = fleet_document_print(&w->other, w->text);
    if (!seal_close(w->terms.seal, e->key, (const uint8_t *)w->text, len, w->sealed)) {
        fault(w, ETCD_FILES, "libcrypto cannot seal the document");
        return;
    }
    const bool decided = members_write(w->members, now_ns, (int64_t)w->revision, w->sealed,
                                       len + SEAL_OVERHEAD, &written, why);
    count_failures(w, &before);
    if (decided)
        count(w, written ? ETCD_APPENDED : ETCD_LOST);
    if (decided && written)
        log_info("the next span was appended to the document in etcd, which has serial %llu now",
                 (unsigned long long)w->other.serial);
    else if (!decided)
        plan_read(w, now_ns);
}

// Reads the secrets; again later where they cannot be read.
static bool open_members(struct work *w, uint64_t now_ns)
{
    char why[DISK_WHY_MAX];

    if (w->members != NULL)
        return true;
    const bool loaded = terms_load(w->config, geteuid(), &w->terms, why);
    w->terms.members.hurried = true; // a start waits for it, and the next read is soon
    if (!loaded)
        fault(w, ETCD_FILES, "%s", why);
    else if ((w->members = members_open(&w->terms.members)) == NULL)
        fault(w, ETCD_FILES, "libcurl cannot be used: no memory");
    w->read_due_ns = now_ns + (w->members == NULL ? RETRY_MS * (uint64_t)NOW_NS_PER_MS : 0);
    return w->members != NULL;
}

struct work *work_open(const struct config *config, const struct board_facts *facts,
                       struct board_etcd *board)
{
    struct work *w = secret_alloc(sizeof *w);

    if (w == NULL)
        return NULL;
    w->config = config;
    w->facts = facts;
    w->board = board;
    w->said = NEVER_SAID;
    look_at_file(w);
    registers_wipe(); // copying a document leaves secrets in vector registers
    return w;
}

static uint64_t turn(struct work *w, uint64_t now_ns)
{
    if (w->members == NULL && (now_ns < w->read_due_ns || !open_members(w, now_ns)))
        return w->read_due_ns;
    const struct step_facts facts = {
        .now_ns = now_ns,
        .read_due_ns = w->read_due_ns,
        .utc_s = time(NULL),
        .synchronised = synchronised(w, now_ns),
        .held = w->held,
        .unchanged_ns = w->unchanged_ns,
        .until_s = w->has_present ? w->present.span[w->present.n_spans - 1].until_s : 0,
        .lead_s = w->config->keys.etcd.lead_s,
        .settle_s = w->config->keys.etcd.settle_s,
    };
    switch (step_next(&facts)) {
    case STEP_READ:
        read_once(w, now_ns);
        break;
    case STEP_APPEND:
        append(w, now_ns);
        break;
    case STEP_WAIT:
        break;
    }
    return w->read_due_ns;
}

uint64_t work_turn(struct work *w, uint64_t now_ns)
{
    const uint64_t due_ns = turn(w, now_ns);
    registers_wipe(); // as above; and AES-GCM's keys
    return due_ns;
}

bool work_has_document(const struct work *w)
{
    return w->has_present;
}

void work_close(struct work *w)
{
    if (w == NULL)
        return;
    members_close(w->members);
    secret_free(w, sizeof *w);
}
