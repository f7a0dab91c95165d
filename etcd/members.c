#include "etcd/members.h"

#include "base/bytes.h"
#include "base/now.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = ETCD_URL_MAX + 64 };

enum kind { OF_QUORUM, OF_ONE, KINDS };

struct members {
    const struct members_terms *terms;
    struct post *post;
    uint32_t current; // answered last
    bool heard;       // one has answered
    // By what is asked: a member without a quorum answers one kind and not the other.
    struct {
        uint64_t due_ns;
        uint32_t wait_ms; // 0: its last answer was good
    } rest[KINDS][ETCD_ENDPOINTS_MAX];
    struct members_counts counts;
    char token[GATEWAY_TOKEN_MAX]; // "": none yet
    struct post_answer answer;
};

// What a request is, and what is made of its answer.
struct errand {
    enum kind kind;
    const char *path;
    const char *body;
    enum gateway_result (*hear)(struct members *members, const struct errand *errand,
                                char why[GATEWAY_WHY_MAX]);
    struct gateway_range *range;
    bool *written;
};

static enum gateway_result hear_range(struct members *c, const struct errand *e,
                                      char why[GATEWAY_WHY_MAX])
{
    return gateway_hear_range(c->answer.status, c->answer.body, c->answer.len, c->terms->key,
                              e->range, why);
}

static enum gateway_result hear_txn(struct members *c, const struct errand *e,
                                    char why[GATEWAY_WHY_MAX])
{
    return gateway_hear_txn(c->answer.status, c->answer.body, c->answer.len, e->written, why);
}

static enum gateway_result hear_token(struct members *c, const struct errand *e,
                                      char why[GATEWAY_WHY_MAX])
{
    (void)e;
    return gateway_hear_token(c->answer.status, c->answer.body, c->answer.len, c->token, why);
}

// One request to one member. False: no answer.
static bool ask(struct members *c, uint32_t i, const struct errand *e, const char *token,
                enum gateway_result *result, char why[GATEWAY_WHY_MAX])
{
    char url[URL_MAX];

    snprintf(url, sizeof url, "%s%s", c->terms->endpoint[i], e->path);
    if (!post_send(c->post, url, token, e->body, &c->answer, why))
        return false;
    *result = e->hear(c, e, why);
    return true;
}

static bool authenticate(struct members *c, uint32_t i, enum gateway_result *result,
                         char why[GATEWAY_WHY_MAX])
{
    char *body = gateway_ask_token(c->terms->user, c->terms->password);
    const struct errand errand = {
        .path = "/v3/auth/authenticate", .body = body, .hear = hear_token};

    bytes_wipe(c->token, sizeof c->token);
    if (body == NULL) {
        snprintf(why, GATEWAY_WHY_MAX, "no memory");
        return false;
    }
    const bool answered = ask(c, i, &errand, "", result, why);
    bytes_wipe(body, strlen(body));
    free(body);
    bytes_wipe(c->answer.body, c->answer.len); // the token
    return answered;
}

// With a token where there is a user. Tokens end: a new one is asked for once, and the request is
// sent again.
static bool ask_known(struct members *c, uint32_t i, const struct errand *e,
                      enum gateway_result *result, char why[GATEWAY_WHY_MAX])
{
    const bool known = c->terms->user[0] != '\0';
    bool fresh = false;

    for (;;) {
        if (known && c->token[0] == '\0') {
            if (!authenticate(c, i, result, why))
                return false;
            if (*result != GATEWAY_GOOD)
                return true;
            fresh = true;
        }
        if (!ask(c, i, e, c->token, result, why))
            return false;
        if (*result != GATEWAY_TOKEN || !known || fresh)
            return true;
        bytes_wipe(c->token, sizeof c->token);
    }
}

static void failed(struct members *c, enum kind kind, uint32_t i, uint64_t now_ns,
                   enum members_failure failure)
{
    const uint32_t before_ms = c->rest[kind][i].wait_ms,
                   wait_ms = before_ms == 0 ? MEMBERS_RETRY_MS : 2 * before_ms,
                   most_ms = wait_ms < MEMBERS_RETRY_MOST_MS ? wait_ms : MEMBERS_RETRY_MOST_MS;

    c->rest[kind][i].wait_ms = most_ms;
    c->rest[kind][i].due_ns = now_ns + (uint64_t)most_ms * NOW_NS_PER_MS;
    c->counts.failed[failure]++;
}

static enum members_failure failure_of(enum gateway_result result)
{
    switch (result) {
    case GATEWAY_AWAY:
        return MEMBERS_AWAY;
    case GATEWAY_TOKEN:
    case GATEWAY_REFUSED:
        return MEMBERS_REFUSED;
    case GATEWAY_STRANGE:
    case GATEWAY_GOOD:
    case GATEWAY_RESULTS:
        break;
    }
    return MEMBERS_STRANGE;
}

// Asks the members in turn, beginning with the one that answered last, until one does.
static bool ask_any(struct members *c, uint64_t now_ns, const struct errand *e,
                    char why[GATEWAY_WHY_MAX])
{
    const uint32_t n = c->terms->n_endpoints, first = c->current;

    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = (first + k) % n;
        enum gateway_result result = GATEWAY_STRANGE;
        if (now_ns < c->rest[e->kind][i].due_ns)
            continue;
        const bool answered = ask_known(c, i, e, &result, why);
        if (answered && result == GATEWAY_GOOD) {
            c->current = i;
            c->rest[e->kind][i].wait_ms = 0;
            return true;
        }
        failed(c, e->kind, i, now_ns, answered ? failure_of(result) : MEMBERS_UNREACHED);
    }
    return false;
}

static bool read_as(struct members *c, enum kind kind, uint64_t now_ns, struct gateway_range *range,
                    char why[GATEWAY_WHY_MAX])
{
    char *body = gateway_ask_range(c->terms->key, kind == OF_ONE);
    const struct errand errand = {
        .kind = kind, .path = "/v3/kv/range", .body = body, .hear = hear_range, .range = range};

    if (body == NULL)
        snprintf(why, GATEWAY_WHY_MAX, "no memory");
    const bool done = body != NULL && ask_any(c, now_ns, &errand, why);
    free(body);
    return done;
}

bool members_read(struct members *c, uint64_t now_ns, struct gateway_range *range,
                  char why[GATEWAY_WHY_MAX])
{
    why[0] = '\0';
    const bool done =
        ((c->heard || !c->terms->hurried) && read_as(c, OF_QUORUM, now_ns, range, why)) ||
        read_as(c, OF_ONE, now_ns, range, why);
    c->heard |= done;
    return done;
}

bool members_write(struct members *c, uint64_t now_ns, int64_t mod_revision, const uint8_t *value,
                   size_t len, bool *written, char why[GATEWAY_WHY_MAX])
{
    char *body = gateway_ask_txn(c->terms->key, mod_revision, value, len);
    const struct errand errand = {
        .path = "/v3/kv/txn", .body = body, .hear = hear_txn, .written = written};

    snprintf(why, GATEWAY_WHY_MAX, "%s", body == NULL ? "no memory" : "");
    const bool done = body != NULL && ask_any(c, now_ns, &errand, why);
    free(body);
    return done;
}

struct members *members_open(const struct members_terms *terms)
{
    struct members *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->terms = terms;
    c->post = post_open(&terms->trust);
    if (c->post != NULL)
        return c;
    free(c);
    return NULL;
}

uint32_t members_endpoint(const struct members *c)
{
    return c->current;
}

const struct members_counts *members_counts(const struct members *c)
{
    return &c->counts;
}

void members_close(struct members *c)
{
    if (c == NULL)
        return;
    post_close(c->post);
    bytes_wipe(c, sizeof *c);
    free(c);
}
