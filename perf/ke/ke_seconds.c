#include "perf/ke/ke_seconds.h"

#include <errno.h>
#include <stdlib.h>

int ke_seconds_open(struct ke_seconds *s, const struct ke_load_plan *plan, uint32_t n)
{
    *s = (struct ke_seconds){
        .plan = plan,
        .n = n,
        .row = calloc(n, sizeof *s->row),
        .open = calloc(n, sizeof *s->open),
        .passed = calloc(n, sizeof *s->passed),
    };
    pthread_mutex_init(&s->lock, NULL);
    if (s->row && s->open && s->passed)
        return 0;
    free(ke_seconds_close(s, &n));
    return -ENOMEM;
}

static void complete(struct ke_seconds *s, uint32_t at)
{
    struct ke_load_second *row = &s->row[at];
    row->at_s = at;
    if (s->open[at]) {
        row->p50_ns = histogram_quantile(s->open[at], 0.5);
        row->p99_ns = histogram_quantile(s->open[at], 0.99);
        free(s->open[at]);
        s->open[at] = NULL;
    }
    if (s->plan->second)
        s->plan->second(s->plan->context, row);
}

static void add(struct ke_seconds *s, const struct ke_second *second, uint32_t at)
{
    s->row[at].started += second->started;
    s->row[at].granted += second->granted;
    s->row[at].failed += second->failed;
    if (s->n_used <= at)
        s->n_used = at + 1;
    if (second->first_cookie.n == 0)
        return;
    if (!s->open[at]) {
        s->open[at] = malloc(sizeof **s->open);
        if (!s->open[at])
            return; // this second then has no quantiles
        histogram_init(s->open[at]);
    }
    histogram_merge(s->open[at], &second->first_cookie);
}

void ke_seconds_pass(struct ke_seconds *s, struct ke_second *second, uint32_t now_s)
{
    const uint32_t end =
        now_s < s->n - 1 ? now_s : s->n - 1; // the last place is completed at the end
    pthread_mutex_lock(&s->lock);
    add(s, second, second->at_s < end ? second->at_s : end);
    for (uint32_t at = second->at_s; at < end; at++)
        if (++s->passed[at] == s->plan->threads)
            complete(s, at);
    pthread_mutex_unlock(&s->lock);
    *second = (struct ke_second){.at_s = now_s};
    histogram_init(&second->first_cookie);
}

struct ke_load_second *ke_seconds_close(struct ke_seconds *s, uint32_t *n)
{
    for (uint32_t at = 0; s->passed && at < s->n_used; at++)
        if (s->passed[at] < s->plan->threads)
            complete(s, at);
    pthread_mutex_destroy(&s->lock);
    free(s->open);
    free(s->passed);
    *n = s->n_used;
    return s->row;
}
