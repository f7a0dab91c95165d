#include "perf/load/histogram.h"

#include <assert.h>
#include <string.h>

static_assert(((HISTOGRAM_TOP_BITS - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS) +
                      (1 << HISTOGRAM_SUB_BITS) ==
                  HISTOGRAM_BUCKETS,
              "the largest value has a bucket, and it is the last");

void histogram_init(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

uint64_t histogram_bucket_top(uint32_t bucket)
{
    enum { SUB = 1 << HISTOGRAM_SUB_BITS };
    if (bucket < 2 * SUB)
        return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t low = (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
    return low + ((uint64_t)1 << shift) - 1;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
    into->n += from->n;
    into->sum += from->sum;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
    if (h->n == 0)
        return 0;
    double wanted = share * (double)h->n;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t top = histogram_bucket_top(i);
            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->n == 0 ? 0 : (double)h->sum / (double)h->n;
}
