// The result as CSV (RFC 4180): one row per step if there are steps, else one row per second.
#include "perf/result.h"

#include <inttypes.h>

static void write_steps(const struct search *search, FILE *out)
{
    fputs("rate,sent,answered,lost,wrong,loss,answered_rate,p50_ns,p99_ns,p99.9_ns,max_ns,headroom,"
          "met,tester_limit\r\n",
          out);
    for (uint32_t i = 0; i < search->n_steps; i++) {
        const struct outcome_step *s = &search->step[i];
        fprintf(out,
                "%.3f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.8f,%.3f,%" PRIu64
                ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.4f,%d,%d\r\n",
                s->rate, s->sent, s->answered, s->lost, s->wrong, s->loss, s->answered_rate,
                s->latency.p50, s->latency.p99, s->latency.p999, s->latency.max, s->headroom,
                s->met, s->tester_was_limit);
    }
}

void result_write_csv(const struct result *r, FILE *out)
{
    if (r->search) {
        write_steps(r->search, out);
        return;
    }
    fputs("t_s,span_s,sent,answered,lost,wrong,p50_ns,p99_ns\r\n", out);
    for (uint32_t i = 0; i < r->outcome->n_rows; i++) {
        const struct load_row *row = &r->outcome->row[i];
        fprintf(out,
                "%.6f,%.6f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                "\r\n",
                row->at_s, row->span_s, row->sent, row->answered, row->lost, row->wrong, row->p50,
                row->p99);
    }
}
